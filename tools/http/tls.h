/* tls.h - certificates and keys, as GnuTLS has them. Layer: tools. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include <coffer/error.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

/* TLS 1.2 and 1.3 with what GnuTLS holds to be sound. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

/* PEM texts; NULL where no file was named. */
struct tls {
	char *cert;
	char *key;
	char *client_ca;
};

/* Reads the files that are named, and looks whether certificate and key belong together. COFFER_INVALID_ARGUMENT, with
 * the reason logged; *out is empty then. */
COFFER_MUST_USE coffer_err tls_read(struct tls *out, const char *cert, const char *key,
				    const char *client_ca);
void tls_free(struct tls *tls); /* wipes and empties */

/* From now on the handshake fails without a certificate of a client that one of the CAs has signed for clients. */
void tls_require_client(gnutls_session_t session);

/* Appends "/" and the subject of the peer's certificate, if it has one, as far as it fits, to the text in out. */
void tls_append_subject(gnutls_session_t session, char *out, size_t size);

#endif

#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define PEM_MAX (1 << 20)

/* One read into one block, so that there is one place to wipe. */
static coffer_err read_pem(char **out, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = malloc(PEM_MAX + 1);
	ssize_t n = -1;
	size_t len = 0;

	if (fd >= 0 && text != NULL)
		while ((n = read(fd, text + len, PEM_MAX - len)) > 0)
			len += (size_t)n;
	if (n < 0)
		log_error("cannot read %s: %s", path, strerror(errno));
	else if (len == PEM_MAX)
		log_error("%s is larger than %d bytes", path, PEM_MAX);
	if (fd >= 0)
		close(fd);
	if (n == 0 && len < PEM_MAX) {
		text[len] = '\0';
		*out = text;
		return COFFER_OK;
	}
	if (text != NULL)
		explicit_bzero(text, PEM_MAX + 1);
	free(text);
	return COFFER_INVALID_ARGUMENT;
}

static gnutls_datum_t datum(char *text)
{
	return (gnutls_datum_t){ (unsigned char *)text, (unsigned)strlen(text) };
}

/* libmicrohttpd would tell the first caller of a wrong one, not who starts us. */
static coffer_err check(struct tls *tls, const char *cert, const char *client_ca)
{
	gnutls_datum_t chain = datum(tls->cert), key = datum(tls->key);
	gnutls_certificate_credentials_t credentials;
	int status = gnutls_certificate_allocate_credentials(&credentials);

	if (status == 0) {
		status = gnutls_certificate_set_x509_key_mem(credentials, &chain, &key,
							     GNUTLS_X509_FMT_PEM);
		if (status < 0) {
			log_error("cannot use %s with its key: %s", cert, gnutls_strerror(status));
		} else if (tls->client_ca != NULL) {
			gnutls_datum_t trust = datum(tls->client_ca);
			status = gnutls_certificate_set_x509_trust_mem(credentials, &trust,
								       GNUTLS_X509_FMT_PEM);
			if (status <= 0)
				log_error("%s has no certificate", client_ca);
			status = status <= 0 ? -1 : 0;
		}
		gnutls_certificate_free_credentials(credentials);
	}
	return status < 0 ? COFFER_INVALID_ARGUMENT : COFFER_OK;
}

coffer_err tls_read(struct tls *out, const char *cert, const char *key, const char *client_ca)
{
	coffer_err err = COFFER_OK;

	*out = (struct tls){ .cert = NULL };
	if (cert == NULL)
		return COFFER_OK;
	if ((err = read_pem(&out->cert, cert)) == COFFER_OK &&
	    (err = read_pem(&out->key, key)) == COFFER_OK && client_ca != NULL)
		err = read_pem(&out->client_ca, client_ca);
	if (err == COFFER_OK)
		err = check(out, cert, client_ca);
	if (err != COFFER_OK)
		tls_free(out);
	return err;
}

static void forget(char **text)
{
	if (*text != NULL)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void tls_free(struct tls *tls)
{
	forget(&tls->cert);
	forget(&tls->key);
	forget(&tls->client_ca);
}

void tls_require_client(gnutls_session_t session)
{
	static gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
						 .data =
						     (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT };

	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
	gnutls_session_set_verify_cert2(session, &purpose, 1, 0);
}

void tls_append_subject(gnutls_session_t session, char *out, size_t size)
{
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	size_t len = strlen(out), room = size - len - 1;
	gnutls_x509_crt_t cert;

	if (count == 0 || size < len + 3 || gnutls_x509_crt_init(&cert) != 0)
		return;
	if (gnutls_x509_crt_import(cert, &chain[0], GNUTLS_X509_FMT_DER) == 0 &&
	    gnutls_x509_crt_get_dn(cert, out + len + 1, &room) == 0) {
		out[len] = '/';
		/* The daemon takes no control characters; a CA may have signed some. */
		for (char *c = out + len; *c != '\0'; c++)
			if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
				*c = '?';
	} else {
		out[len] = '\0';
	}
	gnutls_x509_crt_deinit(cert);
}

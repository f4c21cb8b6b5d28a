/* xml.h - what S3 answers in: small documents whose text stands in the leaves. Layer: s3; the only user of expat. */
#ifndef S3_XML_H
#define S3_XML_H

#include <coffer/error.h>

#include "slice.h"

/* The longest text of one leaf that is taken, in bytes; a key has 1024 at the most. */
#define XML_TEXT_MAX 4096

/* A leaf <leaf>text</leaf> within <parent>; or with no text one that holds others, behind them. All are borrowed; names
 * are without a namespace. */
typedef void (*xml_on_text)(void *user, const char *parent, const char *leaf, struct slice text);

/* Reads a whole document and hands over its elements in the order in which they end, those before an error too.
 * COFFER_INVALID_ARGUMENT: it is no XML, or has what no S3 server sends: a document type (so entities of its own,
 * which could grow without end), more than 16 levels or a leaf that is too long. COFFER_RESOURCE_EXHAUSTED: no
 * memory. */
COFFER_MUST_USE coffer_err xml_read(struct slice document, xml_on_text on_text, void *user);

#endif

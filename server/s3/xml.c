#include "s3/xml.h"

#include <expat.h>
#include <limits.h>
#include <stdio.h>

#define DEPTH_MAX 16
#define TAG_MAX   64

struct reading {
	XML_Parser parser;
	xml_on_text on_text;
	void *user;
	size_t depth;
	bool leaf; /* nothing but text since the last tag, which opened one */
	size_t len;
	char names[DEPTH_MAX][TAG_MAX];
	char text[XML_TEXT_MAX];
};

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = user;
	int n;

	(void)attributes;
	if (r->depth == DEPTH_MAX) {
		XML_StopParser(r->parser, XML_FALSE);
		return;
	}
	n = snprintf(r->names[r->depth], TAG_MAX, "%s", name);
	if (n < 0 || n >= TAG_MAX)
		XML_StopParser(r->parser, XML_FALSE);
	r->depth++;
	r->leaf = true;
	r->len = 0;
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
	struct reading *r = user;

	(void)name;
	r->depth--;
	r->on_text(r->user, r->depth > 0 ? r->names[r->depth - 1] : "", r->names[r->depth],
		   (struct slice){ (const uint8_t *)r->text, r->leaf ? r->len : 0 });
	r->leaf = false;
}

static void XMLCALL on_characters(void *user, const XML_Char *text, int len)
{
	struct reading *r = user;

	if (!r->leaf)
		return;
	if ((size_t)len > XML_TEXT_MAX - r->len) {
		XML_StopParser(r->parser, XML_FALSE);
		return;
	}
	memcpy(r->text + r->len, text, (size_t)len);
	r->len += (size_t)len;
}

static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
			       const XML_Char *public_id, int internal)
{
	struct reading *r = user;

	(void)name;
	(void)system_id;
	(void)public_id;
	(void)internal;
	XML_StopParser(r->parser, XML_FALSE);
}

coffer_err xml_read(struct slice document, xml_on_text on_text, void *user)
{
	struct reading r = { .on_text = on_text, .user = user };
	enum XML_Status status = XML_STATUS_ERROR;

	if (document.len > INT_MAX)
		return COFFER_INVALID_ARGUMENT;
	if ((r.parser = XML_ParserCreate(NULL)) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_characters);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	if (document.len > 0)
		status =
		    XML_Parse(r.parser, (const char *)document.data, (int)document.len, XML_TRUE);
	XML_ParserFree(r.parser);
	return status == XML_STATUS_OK ? COFFER_OK : COFFER_INVALID_ARGUMENT;
}

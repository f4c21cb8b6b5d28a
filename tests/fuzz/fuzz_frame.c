/* A stream of frames, read as a connection does: the length, then the Request in it. */
#include "codec.h"
#include "frame.h"

#include "check.h"

/* What arrives byte by byte is understood as what arrives at once. */
static void check_prefixes(struct slice in, size_t max, coffer_err err, size_t header, size_t body)
{
	size_t known = in.len < FRAME_HEADER_MAX ? in.len : FRAME_HEADER_MAX, h, b;

	for (size_t len = 0; len <= known; len++) {
		coffer_err early = frame_parse((struct slice){ in.data, len }, max, &h, &b);

		if (early == COFFER_UNAVAILABLE)
			CHECK(h == 0 && b == 0);
		else
			CHECK(early == err && h == header && b == body);
	}
}

static void check_inside(struct slice outer, struct slice inner)
{
	CHECK(inner.len <= outer.len);
	CHECK(inner.len == 0 ||
	      (inner.data >= outer.data && inner.data + inner.len <= outer.data + outer.len));
}

static void check_request(struct slice message)
{
	coffer_v1_Request request;

	if (codec_decode(message, coffer_v1_Request_fields, &request, sizeof(request)) != COFFER_OK)
		return;
	check_inside(message, request.method);
	check_inside(message, request.body);
}

static void read_stream(struct slice in, size_t max)
{
	uint8_t again[FRAME_HEADER_MAX];
	size_t header, body;
	coffer_err err;

	for (;;) {
		err = frame_parse(in, max, &header, &body);
		check_prefixes(in, max, err, header, body);
		if (err != COFFER_OK)
			return;
		CHECK(header >= 1 && header <= FRAME_HEADER_MAX && header <= in.len);
		CHECK(body >= 1 && body <= max && body <= FRAME_BODY_MAX);
		CHECK(frame_header(again, body) == header);
		CHECK(memcmp(again, in.data, header) == 0);
		if (body > in.len - header)
			return;
		check_request((struct slice){ in.data + header, body });
		in = (struct slice){ in.data + header + body, in.len - header - body };
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const size_t maxima[] = { 0, 1, 127, 128, 16383, 16384, 69632, SIZE_MAX };

	for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++)
		read_stream((struct slice){ data, len }, maxima[i]);
	return 0;
}

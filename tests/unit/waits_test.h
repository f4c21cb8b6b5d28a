/* waits_test.h - peers that wait for a change. For tests. */
#ifndef WAITS_TEST_H
#define WAITS_TEST_H

#include "net/waits.h"
#include "peer_end.h"

#define HOUR_MS 3600000

static inline struct peer_end join(struct world *world, const struct world_run *run)
{
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);

	peer_hello(world, &peer, run->token);
	return peer;
}

/* The next reply is an answer to that request. */
static inline void expect_answer(struct world *world, struct peer_end *peer, uint32_t id,
				 bool changed)
{
	coffer_v1_WaitForChangeResponse answer;
	coffer_v1_Response response;

	peer_receive(peer);
	assert_true(peer_next(world, peer, &response));
	assert_int_equal(response.id, id);
	assert_int_equal(response.code, coffer_v1_Code_OK);
	must(codec_decode(response.body, coffer_v1_WaitForChangeResponse_fields, &answer,
			  sizeof(answer)));
	assert_int_equal(answer.changed, changed);
	assert_int_equal(answer.revision, world->core.revision);
}

#endif

/* exec/rotation.h - when to look for new values, and when to be patient no more. Layer: tools.
 *
 * It only decides; the supervisor acts. Times are of the supervisor's clock; INT64_MAX is never. */
#ifndef EXEC_ROTATION_H
#define EXEC_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

struct rotation {
	int changes;        /* readable when values may have changed; -1: nobody watches */
	int64_t refresh_ms; /* when to fetch again */
	int64_t kill_ms;    /* when a command that is to be restarted has had its time to end */
	bool restarting;    /* the command was told to end, and another follows */
};

void rotation_init(struct rotation *rotation, int changes);

/* changes is readable: reads it empty. Every change puts the refresh off. */
void rotation_note(struct rotation *rotation, int64_t now_ms);
/* Whether it is time to refresh: true once. */
bool rotation_is_due(struct rotation *rotation, int64_t now_ms);

/* The command was told to end. */
void rotation_restart(struct rotation *rotation, int64_t now_ms);
/* Whether it must be ended by force: true once. */
bool rotation_is_over(struct rotation *rotation, int64_t now_ms);
/* It has ended, or nothing is to follow it. Returns whether another was to follow. */
bool rotation_settle(struct rotation *rotation);

#endif

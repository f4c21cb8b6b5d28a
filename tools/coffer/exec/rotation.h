/* exec/rotation.h - when to look at new values, and when to be patient no more. Layer: tools.
 *
 * It only decides; the supervisor acts. Times are of the supervisor's clock; INT64_MAX is never. */
#ifndef EXEC_ROTATION_H
#define EXEC_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

struct rotation {
	int changes;     /* readable when there is something new; -1: nobody watches */
	bool news;       /* there is, and nobody has looked at it */
	int64_t kill_ms; /* when a command that is to be restarted has had its time to end */
	bool restarting; /* the command was told to end, and another follows */
};

void rotation_init(struct rotation *rotation, int changes);

/* changes is readable: reads it empty. */
void rotation_note(struct rotation *rotation);
/* Whether to look at what is new: true once. Not while a command ends: what is new then is for the next. */
bool rotation_has_news(struct rotation *rotation);

/* The command was told to end. */
void rotation_restart(struct rotation *rotation, int64_t now_ms);
/* Whether it must be ended by force: true once. */
bool rotation_is_over(struct rotation *rotation, int64_t now_ms);
/* It has ended, or nothing is to follow it. Returns whether another was to follow. */
bool rotation_settle(struct rotation *rotation);

/* When one of the two questions above has another answer than false. */
int64_t rotation_due_ms(const struct rotation *rotation, int64_t now_ms);

#endif

/* sandbox_own_pid.h - the one value of the filters that is not known when they are made. Layer: base, inside. */
#ifndef BASE_SANDBOX_OWN_PID_H
#define BASE_SANDBOX_OWN_PID_H

/* Stands for the process's own id, and is nobody's: Linux gives ids up to 2^22. */
#define SANDBOX_OWN_PID 0x7fff5eccu

#endif

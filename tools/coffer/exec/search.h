/* exec/search.h - where a command is, as shells have it. Layer: tools. */
#ifndef EXEC_SEARCH_H
#define EXEC_SEARCH_H

/* Starts the program at path with argv. Returns 0, or an errno. */
typedef int (*search_start)(void *context, const char *path, char *const *argv);

/* Starts the command: argv[0] as it is if it has a slash, else the first that can be executed in the PATH of envp.
 * What is no program nor says whose script it is, is a script of sh. Returns 0 or an errno: of the last attempt,
 * where EACCES counts for more than ENOENT. What is in a folder that cannot be entered is not there. */
int search_run(char *const *argv, char *const *envp, search_start start, void *context);

#endif

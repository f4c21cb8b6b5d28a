/* table.h - columns for people. Layer: tools. */
#ifndef TABLE_H
#define TABLE_H

#include "bytes.h"
#include "cli.h"

#define TABLE_COLUMNS_MAX 8

/* Cells are gathered one behind the other, each up to its NUL. Zero it, then set header and
 * columns. */
struct table {
	const char *const *header; /* printed only on a terminal */
	size_t columns;            /* at most TABLE_COLUMNS_MAX */
	struct bytes cells;
};

/* Adds the next cell of the row. Control characters are replaced; an empty text becomes "-". */
void table_add(struct table *table, const char *text);
/* Prints the table and frees it. */
cli_exit table_send(const struct cli *cli, struct table *table);

#endif

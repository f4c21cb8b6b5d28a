#include "table.h"

#include "output.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

/* Code points, which come close enough to columns. */
static size_t width(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xC0) != 0x80;
	return count;
}

void table_add(struct table *table, const char *text)
{
	bytes_clean(&table->cells, text[0] ? text : "-");
	bytes_append(&table->cells, "", 1);
}

static void widen(size_t *widths, size_t column, const char *cell)
{
	size_t cell_width = width(cell);

	if (widths[column] < cell_width)
		widths[column] = cell_width;
}

static void print_cell(struct bytes *out, const struct table *table, const size_t *widths,
		       size_t column, const char *cell)
{
	if (column + 1 == table->columns)
		bytes_print(out, "%s\n", cell);
	else
		bytes_print(out, "%s%*s", cell, (int)(widths[column] + 2 - width(cell)), "");
}

static void print_rows(struct bytes *out, const struct table *table, const size_t *widths)
{
	size_t column = 0;

	assert(table->columns > 0);
	for (const char *cell = table->cells.data; cell < table->cells.data + table->cells.len;
	     cell += strlen(cell) + 1, column = (column + 1) % table->columns)
		print_cell(out, table, widths, column, cell);
}

cli_exit table_send(const struct cli *cli, struct table *table)
{
	size_t widths[TABLE_COLUMNS_MAX] = { 0 };
	struct bytes out = { .failed = table->cells.failed };
	bool with_header = isatty(STDOUT_FILENO) && table->cells.len > 0;
	size_t column = 0;

	assert(table->columns > 0);
	for (size_t i = 0; with_header && i < table->columns; i++)
		widen(widths, i, table->header[i]);
	for (const char *cell = table->cells.data;
	     !out.failed && cell < table->cells.data + table->cells.len; cell += strlen(cell) + 1) {
		widen(widths, column, cell);
		column = (column + 1) % table->columns;
	}
	for (size_t i = 0; with_header && i < table->columns; i++)
		print_cell(&out, table, widths, i, table->header[i]);
	if (!out.failed)
		print_rows(&out, table, widths);
	bytes_free(&table->cells);
	return output_send(cli, &out);
}

/* SPDX-License-Identifier: GPL-3.0-or-later
   table_json.h -- tables as JSON and back, every cell exactly: for store.c. */
#ifndef LATHE_SESSION_TABLE_JSON_H
#define LATHE_SESSION_TABLE_JSON_H

#include <jansson.h>
#include "base/error.h"
#include "base/table.h"

/* {"columns": [...], "rows": [[...], ...]}; NULL where there is no memory. */
json_t *table_to_json(const table *t);
/* The caller frees; NULL with E_FORMAT where OBJECT is none. */
table *table_from_json(const json_t *object, error *e);

#endif

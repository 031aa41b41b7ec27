/* SPDX-License-Identifier: GPL-3.0-or-later
   lineage.c -- steps back from a model to the run that made it, and on from what that one
   read.  It changes nothing. */
#include "ledger/lineage.h"

#include "ledger/ledger_parts.h"

#include <stdint.h>

enum { STEPS_MAX = 1000 };

/* The run before ?2 that made ?1 of something else.  One that read a model tells more than
   one that made it of nothing, and that more than one that read a file; of equals the
   latest: within a recipe or a search that is the stage itself. */
static const char made_by[] =
    "SELECT r.id AS run, r.started AS started, r.line AS line, r.seconds AS seconds,"
    " o.name AS name, o.hash AS hash, v.parameters AS parameters, v.nonzero AS nonzero,"
    " v.bytes AS bytes, v.multiply_adds AS multiply_adds,"
    " (SELECT group_concat(a.name || ' ' || " LEDGER_DATA_WORDS ", '; ') FROM data a"
    "  JOIN dataset d ON d.digest = a.digest WHERE a.run = r.id AND a.role <> 'output')"
    " AS data"
    " FROM model o JOIN run r ON r.id = o.run JOIN version v ON v.hash = o.hash"
    " WHERE o.role = 'output' AND o.hash = ?1 AND r.id < ?2 AND NOT EXISTS"
    "  (SELECT 1 FROM model i WHERE i.run = r.id AND i.role <> 'output'"
    "   AND i.hash = o.hash)"
    " ORDER BY EXISTS (SELECT 1 FROM model i WHERE i.run = r.id AND i.role <> 'output')"
    "  DESC, r.command = 'load', r.id DESC LIMIT 1";

/* The model that run ?1 made the model ?3 with the hash ?2 of: that of the same name, or
   the one that stands first in the command. */
static const char made_of[] =
    "SELECT hash FROM model WHERE run = ?1 AND role <> 'output' AND hash <> ?2"
    " ORDER BY role IN ('model', 'models') DESC, name = ?3 DESC, name LIMIT 1";

/* Adds the column `from` to the row of OUT. */
static status add_source(ledger *l, table *out, int64_t row, error *e)
{
    const ledger_value values[] = {
        LEDGER_INTEGER(table_get(out, row, table_column(out, "run"))->integer),
        LEDGER_TEXT(table_get(out, row, table_column(out, "hash"))->words),
        LEDGER_TEXT(table_get(out, row, table_column(out, "name"))->words)};
    table *source = table_new(e);
    status s = source ? ledger_select(l, made_of, values, 3, source, e) : E_MEMORY;
    if (s == E_OK)
        table_text(out, "from", table_get(source, 0, 0)->words);
    table_free(source);
    return s;
}

status ledger_lineage(ledger *l, const char *hash, table *out, error *e)
{
    int64_t before = INT64_MAX; /* numbers fall along the chain: it ends */
    for (int i = 0; hash && i < STEPS_MAX; i++) {
        const ledger_value values[] = {LEDGER_TEXT(hash), LEDGER_INTEGER(before)};
        int64_t row = out->row_count;
        TRY(ledger_select(l, made_by, values, 2, out, e));
        if (out->row_count == row)
            break;
        TRY(add_source(l, out, row, e));
        before = table_get(out, row, table_column(out, "run"))->integer;
        hash = table_get(out, row, table_column(out, "from"))->words;
    }
    return table_ok(out, e);
}

/* What run ?1 read, unless only to measure, besides what it is called ?2 today. */
static const char read_by[] =
    "SELECT a.run AS run, a.name AS name, a.digest AS digest FROM data a"
    " WHERE a.run = ?1 AND a.role <> 'output' AND a.name = ?2";

status ledger_trained_on(ledger *l, const char *hash, const char *name, table *out,
                         error *e)
{
    table *chain = table_new(e);
    status s = chain ? ledger_lineage(l, hash, chain, e) : E_MEMORY;
    for (int64_t i = 0; s == E_OK && i < chain->row_count; i++) {
        const ledger_value values[] = {
            LEDGER_INTEGER(table_get(chain, i, table_column(chain, "run"))->integer),
            LEDGER_TEXT(name)};
        s = ledger_select(l, read_by, values, 2, out, e);
    }
    table_free(chain);
    return s;
}

/* In a run of several models the row of this one is known by its name. */
static const char measured[] =
    "SELECT v.key AS key, coalesce(v.number, v.words) AS value, v.low AS low,"
    " v.high AS high, v.split AS split, v.run AS run,"
    " (SELECT a.digest FROM data a JOIN value n ON n.run = a.run AND n.row = v.row"
    "  AND n.key = 'data' AND n.words = a.name WHERE a.run = v.run) AS digest"
    " FROM value v JOIN (SELECT m.run AS run, m.role AS role, w.row AS row FROM model m"
    "  JOIN run r ON r.id = m.run JOIN value w ON w.run = m.run AND w.key = 'model'"
    "  AND w.words = m.name"
    "  WHERE m.hash = ?1 AND r.status = 'done' AND EXISTS"
    "   (SELECT 1 FROM value s WHERE s.run = w.run AND s.row = w.row"
    "    AND s.key = 'samples')"
    "  AND (m.role = 'output' OR NOT EXISTS (SELECT 1 FROM model o WHERE o.run = m.run"
    "   AND o.role = 'output'))"
    "  ORDER BY m.role = 'output', m.run DESC, w.row LIMIT 1) best"
    " ON v.run = best.run AND v.row = best.row ORDER BY v.key";

status ledger_measured(ledger *l, const char *hash, table *out, error *e)
{
    const ledger_value values[] = {LEDGER_TEXT(hash)};
    return ledger_select(l, measured, values, 1, out, e);
}

/* SPDX-License-Identifier: GPL-3.0-or-later
   lineage.h -- the chain of runs by which a model came to be, and what is known of a model
   at one moment.  Nothing is changed. */
#ifndef LATHE_LEDGER_LINEAGE_H
#define LATHE_LEDGER_LINEAGE_H

#include "ledger/ledger.h"

/* One row a run, the latest first: run, started, line, seconds, name, hash, parameters,
   nonzero, bytes, multiply_adds, data (what it read, in words, if any), from (the hash that
   it was made of, if any).  A chain that the ledger does not know has no row. */
status ledger_lineage(ledger *l, const char *hash, table *out, error *e);

/* The data called NAME that the runs of that chain read: run, name, digest. */
status ledger_trained_on(ledger *l, const char *hash, const char *name, table *out,
                         error *e);

/* What was measured of the model HASH last: key, value, low, high, split, run, digest (of the data, if known); runs that
   only measured it come before the one that made it. */
status ledger_measured(ledger *l, const char *hash, table *out, error *e);

#endif

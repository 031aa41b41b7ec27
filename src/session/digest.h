/* SPDX-License-Identifier: GPL-3.0-or-later
   digest.h -- one number for what is in a session: two sessions in which every command has
   the same to work on have the same. */
#ifndef LATHE_SESSION_DIGEST_H
#define LATHE_SESSION_DIGEST_H

#include <stdint.h>
#include "session/session.h"

/* Of samples, targets, masks, groups and splits. */
uint64_t digest_dataset(const dataset *d);

/* The same at a glance, by which data are known in the ledger: of data above
   DIGEST_BYTES_MOST so many samples, evenly spaced, stand for all. */
#define DIGEST_BYTES_MOST   ((size_t)64 << 20)
#define DIGEST_SAMPLES_MOST 512
uint64_t digest_glance(const dataset *d);

/* Of the seed, and of all objects with their names; what was undone does not count. */
status digest_session(const session *s, uint64_t *digest, error *e);

#endif

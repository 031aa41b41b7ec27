/* SPDX-License-Identifier: GPL-3.0-or-later
   store.h -- a session as a folder: manifest.json, one file for each object, and the
   journal.  Written beside, then renamed: a reader finds the old or the new one whole. */
#ifndef LATHE_SESSION_STORE_H
#define LATHE_SESSION_STORE_H

#include "session/session.h"

status session_save(const session *s, const char *folder, error *e);
/* Everything is read and checked before anything of S changes; names are replaced. */
status session_load(session *s, const char *folder, error *e);

#endif

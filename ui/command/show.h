/* SPDX-License-Identifier: GPL-3.0-or-later
   show.h -- the parts of the command `show` that look into a model.  Each fills the call's
   rows and prints nothing. */
#ifndef LATHE_UI_COMMAND_SHOW_H
#define LATHE_UI_COMMAND_SHOW_H

#include "ui/command/command.h"

/* One row a node: operator, output, parameters, multiply-adds and their share, receptive
   field. */
status show_layers(call *c, const char *name, const model *m, error *e);

/* One row a node, with a drawing of what it reads: a column for what flows on, and rails
   beside it for what skips nodes. */
status show_graph(call *c, const char *name, const model *m, error *e);

#endif

/* SPDX-License-Identifier: GPL-3.0-or-later
   actions.h -- what the keys of the screen do.  Each takes the code of the key. */
#ifndef LATHE_UI_SCREEN_ACTIONS_H
#define LATHE_UI_SCREEN_ACTIONS_H

#include "ui/screen/canvas.h"
#include "ui/screen/keys.h"

void action_command(screen *s, int code);
void action_help(screen *s, int code);
void action_next_pane(screen *s, int code);
void action_pane(screen *s, int code);
void action_alone(screen *s, int code);
void action_move(screen *s, int code);
void action_filter(screen *s, int code);
void action_escape(screen *s, int code);
void action_open(screen *s, int code);
void action_steps(screen *s, int code);
void action_mark(screen *s, int code);
void action_compare(screen *s, int code);
void action_amount(screen *s, int code);
void action_bits(screen *s, int code);
void action_apply(screen *s, int code);
void action_plan(screen *s, int code);
void action_measure(screen *s, int code);
void action_picture(screen *s, int code);
void action_turn(screen *s, int code);
void action_sample(screen *s, int code);
void action_side(screen *s, int code);
void action_undo(screen *s, int code);
void action_stop(screen *s, int code);
void action_redraw(screen *s, int code);
void action_quit(screen *s, int code);

/* The wheel scrolls the pane under it, a click chooses a pane and a row of it. */
void action_pointer(screen *s, const pointer *p);

/* What KEY does now: it answers a question, leaves the page of keys, or is looked up. */
void action_key(screen *s, int code);

#endif

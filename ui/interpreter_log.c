/* SPDX-License-Identifier: GPL-3.0-or-later
   interpreter_log.c -- commands on their way into the transcript of the session.  What goes
   wrong here costs the command nothing: it is told once. */
#include <string.h>

#include "ui/interpreter_parts.h"

transcript *interpreter_transcript(interpreter *i)
{
    return i->transcript;
}

status interpreter_begin_transcript(interpreter *i, const char *path, error *e)
{
    transcript *t = transcript_open(path, i->session, i->first_seed, e);
    if (!t)
        return e->code;
    transcript_close(i->transcript);
    i->transcript = t;
    return E_OK;
}

void interpreter_end_transcript(interpreter *i)
{
    transcript_close(i->transcript);
    i->transcript = NULL;
}

/* Commands of scripts are in the transcript themselves, it is no part of itself, and what a
   recovered session did stands there instead of it. */
static bool belongs(const run *r)
{
    static const char *const others[] = {"source", "log", "quit"};
    const char *name = r->command->name;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (text_equal(name, others[i]))
            return false;
    return !text_equal(name, "session") ||
           !option_is(&r->call.options, "action", "recover");
}

void interpreter_log_begin(run *r)
{
    interpreter *i = r->i;
    if (!i->transcript || !belongs(r))
        return;
    transcript_line(r->command, &r->words, &r->call.options, session_seed(i->session),
                    transcript_folder(i->transcript), &r->transcript);
    earlier_models_take(&r->before, i->session);
}

void interpreter_log_end(run *r, const place *at, size_t end, status result,
                         const error *why)
{
    interpreter *i = r->i;
    error e = {0};
    text written = {0};
    const bool refused = result != E_OK && r->transcript.length == 0;
    if (!i->transcript || (refused && !why->text[0]) ||
        (!refused && r->transcript.length == 0))
        return;
    if (refused) /* before it ran: what was written, without the blanks around it */
        text_add_bytes(&written, at->line + at->begin, end - at->begin);
    status s = text_ok(&r->transcript, &e);
    if (s == E_OK)
        s = transcript_add(i->transcript,
                           refused ? text_get(&written) + strspn(text_get(&written), " ")
                                   : text_get(&r->transcript),
                           result, r->kept, why, &r->before, i->session, &e);
    text_clear(&written);
    if (s == E_OK)
        return;
    text_addf(&r->call.notes, "the transcript is no longer written: %s\n", e.text);
    interpreter_end_transcript(i);
}

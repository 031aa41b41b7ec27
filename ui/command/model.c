/* SPDX-License-Identifier: GPL-3.0-or-later
   model.c -- the command `model`: a new model from the table of architectures.  It builds
   no graph itself and prints nothing. */
#include "base/memory.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "zoo/architecture.h"

static const option options[] = {
    {"name", OPTION_NAME, NULL, NULL, NULL, "name for the model"},
    {"architecture", OPTION_TEXT, NULL, NULL, NULL, "what to build"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of the first weights (default: the session's)"},
    {0},
};

static const char *architecture_word(int i)
{
    const architecture *a = architecture_at(i);
    return a ? a->name : NULL;
}

static bool architecture_options(const char *word, extra *out, error *e)
{
    const architecture *a = architecture_find(word);
    if (!a)
        return rows_unknown("architecture", word, architecture_word, e) == E_OK;
    *out = (extra){.options = a->options, .summary = a->summary, .source = a->source};
    return true;
}

static status run(call *c, error *e)
{
    const char *name = option_words(&c->options, "name");
    const architecture *a = architecture_find(option_words(&c->options, "architecture"));
    TRY(session_check_name(name, e));
    model *m = architecture_build(a, &c->options, rows_seed(c), e);
    if (!m)
        return e->code;
    table_row(c->rows);
    table_text(c->rows, "model", name);
    return rows_keep(c, name, m, "new", NULL, NULL, e);
}

const command command_model = {
    .name = "model",
    .group = "learn",
    .summary = "make a new model",
    .options = options,
    .arguments = 2,
    .required = 2,
    .more = architecture_options,
    .more_argument = 1,
    .more_word = architecture_word,
    .flags = COMMAND_CHANGES | COMMAND_RECORDED,
    .makes = OBJECT_MODEL,
    .example = "model m unet-phase levels=3 channels=4 seed=1",
    .details = "First weights are drawn as the architecture's publication, or else "
               "PyTorch, draws them; the same seed gives the same weights on every "
               "machine.  'list architectures' counts what each has.",
    .see = "list architectures, train, show, load",
    .run = run,
};

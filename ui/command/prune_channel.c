/* SPDX-License-Identifier: GPL-3.0-or-later
   prune_channel.c -- the command `prune` with kind=channel: its options, one step, and the
   plan as a table.  It chooses no channel and prints nothing. */

#include "ui/command/prune_parts.h"

/* Options that mean something for one of the two only. */
static const struct owned {
    const char *name;
    bool channels;
} owned[] = {
    {"targets", false}, {"gradual", false}, {"from", false}, {"until", false},
    {"regrow", false},  {"rewind", false},  {"group", true}, {"round", true},
    {"least", true},    {"most", true},     {"skip", true},  {"dry", true},
};

status prune_channel_options(const call *c, const prune_job *j, error *e)
{
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        if (owned[i].channels == j->channels || !option_given(&c->options, owned[i].name))
            continue;
        fail(e, E_USAGE, "prune: %s= has no meaning with kind=%s", owned[i].name,
             j->kind);
        return fail_hint(e, owned[i].channels ? "it is one of kind=channel"
                                              : "it is one of the other kinds");
    }
    return E_OK;
}

static const char *criterion_name(int i)
{
    return channel_criterion_at(i) ? channel_criterion_at(i)->name : NULL;
}

status prune_channel_read(const call *c, prune_job *j, error *e)
{
    const option_set *o = &c->options;
    const option_value *skip = option_get(o, "skip"), *name = option_get(o, "criterion");
    const char *words = name->present ? name->words : "l1";
    channel_settings *s = &j->cut;
    *s = (channel_settings){.scope = j->scope,
                            .criterion = channel_criterion_find(words),
                            .joining = option_is(o, "group", "max")    ? JOIN_MAX
                                       : option_is(o, "group", "mean") ? JOIN_MEAN
                                                                       : JOIN_SUM,
                            .least = option_real(o, "least"),
                            .most = option_real(o, "most"),
                            .round = option_integer(o, "round"),
                            .skip = skip->items,
                            .skip_count = skip->count,
                            .seed = rows_seed(c),
                            .data = j->on.data,
                            .samples = option_integer(o, "samples"),
                            .batch = option_integer(o, "batch"),
                            .loss = j->training.loss,
                            .terms = j->training.terms};
    if (!s->criterion)
        return rows_unknown("criterion of channels", words, criterion_name, e);
    return E_OK;
}

/* Channels are counted in units, each of which goes as a whole. */
static int64_t count_units(const channel_plan *p, bool left)
{
    int64_t count = 0;
    for (int i = 0; i < p->group_count; i++)
        count += p->groups[i].units - (left ? p->groups[i].going : 0);
    return count;
}

static status make_plan(const call *c, const prune_job *j, const model *m, double amount,
                        channel_plan *p, error *e)
{
    channel_settings s = j->cut;
    s.amount = amount;
    return channel_plan_make(m, &s, c->task, p, e);
}

/* A share of what there is now, not of what there was. */
static double amount_now(const prune_job *j, double amount)
{
    return j->asked < 1 ? 1 - (1 - amount) / (1 - j->asked) : 0;
}

status prune_channel_to(const call *c, prune_job *j, double amount, error *e)
{
    channel_plan p;
    TRY(make_plan(c, j, j->pruned, amount_now(j, amount), &p, e));
    j->asked = amount;
    if (j->had == 0)
        j->had = count_units(&p, false);
    j->left = count_units(&p, true);
    status s = channel_plan_apply(j->pruned, &p, j->cut.seed, &j->difference, e);
    channel_plan_clear(&p);
    return s;
}

static void show_group(call *c, const graph *g, const channel_plan *p, int at)
{
    const channel_group *group = &p->groups[at];
    text layers = {0}, readers = {0};
    channel_group_names(g, p, at, &layers, &readers);
    table_row(c->rows);
    table_text(c->rows, "layers", text_get(&layers));
    table_text(c->rows, "readers", text_get(&readers));
    table_integer(c->rows, "channels", group->units * group->width);
    table_integer(c->rows, "left", (group->units - group->going) * group->width);
    table_text(c->rows, "stays",
               group->latent     ? "latent"
               : group->skipped  ? "skip"
               : group->unscored ? "criterion"
                                 : NULL);
    text_clear(&layers);
    text_clear(&readers);
}

static status show_sum(call *c, const graph *before, const graph *after, error *e)
{
    int64_t was = graph_multiply_adds(before, before->input_shape, e);
    int64_t is = was < 0 ? -1 : graph_multiply_adds(after, after->input_shape, e);
    if (is < 0)
        return e->code;
    table_integer(c->rows, "parameters", graph_parameter_count(before));
    table_integer(c->rows, "parameters_left", graph_parameter_count(after));
    table_integer(c->rows, "multiply_adds", was);
    table_integer(c->rows, "multiply_adds_left", is);
    return E_OK;
}

status prune_channel_show(call *c, const prune_job *j, error *e)
{
    channel_plan p;
    const graph *g = j->begun->graph;
    TRY(make_plan(c, j, j->begun, j->amounts[0], &p, e));
    graph *after = graph_without_channels(g, &p.units, p.goes, e);
    for (int i = 0; after && i < p.group_count; i++)
        show_group(c, g, &p, i);
    int64_t channels = count_units(&p, false), left = count_units(&p, true);
    channel_plan_clear(&p);
    if (!after)
        return e->code;
    table_row(c->rows);
    table_text(c->rows, "layers", "the model");
    table_integer(c->rows, "channels", channels);
    table_integer(c->rows, "left", left);
    status s = show_sum(c, g, after, e);
    graph_free(after);
    return s;
}

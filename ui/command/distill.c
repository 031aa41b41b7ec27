/* SPDX-License-Identifier: GPL-3.0-or-later
   distill.c -- the command `distill`: a student trained towards a teacher's answers.  What
   it shares with `train` is in training.c, the loss in train/distill.c. */
#include <string.h>

#include "base/memory.h"
#include "ui/command/rows.h"
#include "ui/command/training.h"

static const option options[] = {
    {"student", OPTION_MODEL, NULL, NULL, NULL, "model to train"},
    {"teacher", OPTION_MODEL, NULL, NULL, NULL, "model whose answers it learns"},
    {"data", OPTION_DATASET, NULL, NULL, NULL,
     "data to train on; its split val chooses the best epoch"},
    {"temperature", OPTION_REAL, "0.01..1000", "4", NULL,
     "of both softmaxes, where the data have classes"},
    {"alpha", OPTION_REAL, "0..1", "0.5", NULL,
     "share of the teacher in the loss; the rest is that of the targets"},
    {"features", OPTION_TEXT, NULL, NULL, NULL,
     "node whose output is to become the teacher's: NODE, or STUDENT_NODE:TEACHER_NODE"},
    {"beta", OPTION_REAL, "0..", "1", NULL, "features: weight of their squared error"},
    TRAINING_OPTIONS,
    {0},
};

/* What is compared inside of both: values, or -1. */
typedef struct lesson {
    const model *teacher;
    int student_value, teacher_value;
} lesson;

static status find_value(const char *who, const graph *g, const char *name, int *value,
                         error *e)
{
    int at = graph_find_node(g, name);
    if (at < 0) {
        fail(e, E_NAME, "distill: %s has no node '%.80s'", who, name);
        return fail_hint(e, "'show %s graph=yes' lists its nodes", who);
    }
    *value = g->nodes[at].output;
    return E_OK;
}

/* "a:b", or "a" for the same name in both. */
static status find_features(const call *c, const model *student, lesson *l, error *e)
{
    const char *words = option_words(&c->options, "features");
    static const char *const of_features[] = {"beta", NULL};
    l->student_value = l->teacher_value = -1;
    if (!words)
        return rows_unused(c, "distill", of_features, "without features=", e);
    if (option_given(&c->options, "qat") ||
        !option_is(&c->options, "regularizer", "none"))
        return fail(e, E_USAGE,
                    "distill: features exclude qat and a regularizer: one inner value is "
                    "trained at a time");
    const char *colon = strchr(words, ':');
    char *own = colon ? memory_format(e, "%.*s", (int)(colon - words), words)
                      : memory_text(words, e);
    if (!own)
        return E_MEMORY;
    status s = find_value(option_words(&c->options, "student"), student->graph, own,
                          &l->student_value, e);
    if (s == E_OK)
        s = find_value(option_words(&c->options, "teacher"), l->teacher->graph,
                       colon ? colon + 1 : words, &l->teacher_value, e);
    memory_free(own);
    return s;
}

static status dress(const training *t, model *m, error *e)
{
    const lesson *l = t->self;
    int adapted;
    if (l->student_value < 0)
        return E_OK;
    return distill_attach(m->graph, l->student_value, l->teacher->graph, l->teacher_value,
                          batch_input_shape(t->data, &m->input_transform),
                          t->settings.seed, &adapted, e);
}

static status ready(training *t, error *e)
{
    const lesson *l = t->self;
    t->settings.teacher = distiller_new(l->teacher, distill_adapted(t->state.last->graph),
                                        l->teacher_value, e);
    return t->settings.teacher ? E_OK : e->code;
}

static status undress(model *m, error *e)
{
    return distill_detach(m->graph, e);
}

static status run(call *c, error *e)
{
    const option_set *o = &c->options;
    const char *student = option_words(o, "student"),
               *teacher = option_words(o, "teacher"), *data = option_words(o, "data");
    const model *m = session_get_model(c->session, student, e);
    lesson l = {.teacher = m ? session_get_model(c->session, teacher, e) : NULL};
    if (!l.teacher)
        return e->code;
    TRY(find_features(c, m, &l, e));
    char *again = memory_format(e, "distill %s %s %s", student, teacher, data);
    if (!again)
        return E_MEMORY;
    training t = {.who = "distill",
                  .name = student,
                  .data_name = data,
                  .again = again,
                  .dress = dress,
                  .ready = ready,
                  .undress = undress,
                  .self = &l};
    status s = training_run(c, &t, e);
    distiller_free(t.settings.teacher);
    memory_free(again);
    return s;
}

const command command_distill = {
    .name = "distill",
    .group = "learn",
    .summary = "train a student towards a teacher's answers",
    .options = options,
    .arguments = 3,
    .required = 3,
    .flags = COMMAND_CHANGES | COMMAND_LONG | COMMAND_RECORDED,
    .example = "distill a m d epochs=1 alpha=0.7",
    .details =
        "loss = (1 - alpha) L(student, target) + alpha D(student, teacher) + beta F.  L "
        "is "
        "loss=, as in train.  With classes D is temperature^2 times the Kullback-Leibler "
        "divergence of both softmaxes at that temperature; else it is L towards the "
        "teacher's answer, masked where L is.  F (features=) is the mean squared error "
        "of "
        "an inner value of the student against one of the teacher; an adapter between "
        "them, a 1x1 convolution with resizing where sizes differ, is trained along and "
        "goes in the end.  The teacher, which may be any model of the same answers, also "
        "a quantized one, sees the very batch of the student, augmented as it is, "
        "through "
        "its own input.  Masks hold: the student may be the pruned teacher.  Validation, "
        "the best epoch and the numbers of the answer are of L and the targets alone.  "
        "All "
        "else, checkpoints and resume=yes too, is as in train.",
    .see = "train, prune, quantize, recipe",
    .source = "Hinton et al. 2015, arXiv:1503.02531; Romero et al. 2015, arXiv:1412.6550",
    .run = run,
};

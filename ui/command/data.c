/* SPDX-License-Identifier: GPL-3.0-or-later
   data.c -- the commands `data`, `split` and `export`: datasets come, are divided and go
   out again.  It reads no file itself and prints nothing. */
#include "base/memory.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/command/store_commands.h"

static const option data_options[] = {
    {"name", OPTION_NAME, NULL, NULL, NULL, "name for the dataset"},
    {"source", OPTION_TEXT, NULL, NULL, NULL, "where it comes from"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL,
     "of what is drawn (default: the session's)"},
    {0},
};

static const char *source_word(int i)
{
    const data_source *source = data_source_at(i);
    return source ? source->name : NULL;
}

static bool source_options(const char *word, extra *out, error *e)
{
    const data_source *source = data_source_find(word);
    if (!source)
        return rows_unknown("source", word, source_word, e) == E_OK;
    *out = (extra){.options = source->options,
                   .arguments = source->arguments,
                   .required = source->required,
                   .summary = source->summary};
    return true;
}

/* The dataset of SOURCE: read, or made of the one that `from` names. */
static dataset *make_dataset(call *c, const data_source *source, error *e)
{
    if (!source->derive)
        return source->read(&c->options, rows_seed(c), c->task, e);
    const dataset *from =
        session_get_dataset(c->session, option_words(&c->options, "from"), e);
    return from ? source->derive(from, &c->options, rows_seed(c), c->task, e) : NULL;
}

static status data_command(call *c, error *e)
{
    const char *name = option_words(&c->options, "name");
    const data_source *source = data_source_find(option_words(&c->options, "source"));
    TRY(session_check_name(name, e));
    double start = task_clock();
    dataset *d = make_dataset(c, source, e);
    if (!d)
        return e->code;
    table_row(c->rows);
    rows_put_dataset(c->rows, name, d);
    table_real(c->rows, "seconds", task_clock() - start);
    return session_put_dataset(c->session, name, d, e);
}

const command command_data = {
    .name = "data",
    .group = "data",
    .summary = "make or read a dataset",
    .options = data_options,
    .arguments = 2,
    .required = 2,
    .more = source_options,
    .more_argument = 1,
    .more_word = source_word,
    .flags = COMMAND_CHANGES | COMMAND_LONG | COMMAND_RECORDED,
    .makes = OBJECT_DATASET,
    .example = "data d gpe n=4 grid=32 seed=1",
    .details =
        "gpe simulates rotating condensates, puncture black holes, and lowlight makes "
        "dark "
        "frames of the pictures of another dataset.  npz and npy read arrays from files "
        "in "
        "numpy's format, hdf5 blocks and images out of HDF5 files.  images reads folders "
        "of PNG files, raw frames of a camera's sensor.  idx, fashion-mnist, cifar10 and "
        "cifar100 read labelled images, whose test split is the files' own; classes= "
        "keeps "
        "some of the classes and numbers them in the order given.",
    .see = "split, show, export, plot phase",
    .run = data_command,
};

static const option split_options[] = {
    {"data", OPTION_DATASET, NULL, NULL, NULL, "dataset to divide"},
    {"train", OPTION_REAL, "0..1", "0.6", NULL, "share for training"},
    {"val", OPTION_REAL, "0..1", "0.2", NULL, "share for choosing"},
    {"test", OPTION_REAL, "0..1", "0.2", NULL, "share for the last word"},
    {"by", OPTION_WORD, "group|sample", "group", NULL,
     "what must not be torn apart (groups where the data have some)"},
    {"seed", OPTION_INTEGER, "0..", NULL, NULL, "of the draw (default: the session's)"},
    {0},
};

/* Is a sample that BEFORE keeps for testing to train or choose in D? */
static bool test_is_used(const dataset *before, const dataset *d)
{
    const data_source *source = data_source_find(before->source ? before->source : "");
    for (int64_t i = 0; source && source->names_test && i < d->count; i++)
        if (before->split[i] == SPLIT_TEST && d->split[i] != SPLIT_TEST &&
            d->split[i] != SPLIT_NONE)
            return true;
    return false;
}

static status split_command(call *c, error *e)
{
    const char *name = option_words(&c->options, "data");
    const dataset *before = session_get_dataset(c->session, name, e);
    dataset *d = before ? dataset_copy(before, e) : NULL;
    if (!d)
        return e->code;
    status s =
        dataset_split(d, option_real(&c->options, "train"),
                      option_real(&c->options, "val"), option_real(&c->options, "test"),
                      option_is(&c->options, "by", "group"), rows_seed(c), e);
    if (s != E_OK) {
        dataset_free(d);
        return s;
    }
    if (option_is(&c->options, "by", "sample") && d->group)
        rows_note(c, "split: samples of one group may now stand in several splits, which "
                     "makes errors look smaller than they are");
    if (test_is_used(before, d))
        rows_note(c,
                  "split: samples that %s keeps for testing are now divided with the "
                  "others: published figures compare no longer; 'undo' goes back",
                  before->source);
    table_row(c->rows);
    rows_put_dataset(c->rows, name, d);
    return session_put_dataset(c->session, name, d, e);
}

const command command_split = {
    .name = "split",
    .group = "data",
    .summary = "divide a dataset into train, val and test",
    .options = split_options,
    .arguments = 1,
    .required = 1,
    .flags = COMMAND_CHANGES | COMMAND_RECORDED,
    .example = "split d train=.6 val=.2 test=.2 by=group seed=1",
    .details = "Samples of one group (the starts of one pair of parameters, say) stay "
               "together, so that no split holds near copies of another's samples.",
    .see = "data, train, eval",
    .run = split_command,
};

static const option export_options[] = {
    {"name", OPTION_DATASET, NULL, NULL, NULL, "dataset to write"},
    {"file", OPTION_FILE, NULL, NULL, NULL, "FILE.npz"},
    {"force", OPTION_FLAG, NULL, "no", NULL, "replace whatever the file was"},
    {0},
};

static status export_command(call *c, error *e)
{
    const char *name = option_words(&c->options, "name");
    const char *file = option_words(&c->options, "file");
    const dataset *d = session_get_dataset(c->session, name, e);
    if (!d)
        return e->code;
    if (!text_ends(file, ".npz")) {
        fail(e, E_USAGE, "export: '%s' does not end in .npz", file);
        return fail_hint(e, "models are written by 'save'");
    }
    TRY(store_may_replace(c, "export", file, OBJECT_DATASET, e));
    TRY(dataset_write_npz(d, file, e));
    table_row(c->rows);
    table_text(c->rows, "data", name);
    table_text(c->rows, "file", file);
    table_integer(c->rows, "samples", d->count);
    return E_OK;
}

const command command_export = {
    .name = "export",
    .group = "data",
    .summary = "write a dataset for other programs",
    .options = export_options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_RECORDED,
    .example = "export d data.npz",
    .details =
        "Arrays stand in the order N,C,H,W: densities, phase_gradients and masks, as "
        "numpy.load reads them.  A script replaces files that lathe wrote; at the prompt "
        "it asks; other files are replaced with force=yes alone.",
    .see = "data, save",
    .run = export_command,
};

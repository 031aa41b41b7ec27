/* SPDX-License-Identifier: GPL-3.0-or-later
   store_commands.c -- the commands `save` and `load`: one model or dataset to a file and
   back.  What the bytes mean is the business of format/ and data/. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/dataset_file.h"
#include "format/model_file.h"
#include "ui/command/command.h"
#include "ui/command/rows.h"
#include "ui/command/store_commands.h"
#include "ui/interpreter.h"

enum { PEEK_BYTES = 1 << 20 };

/* What a file begins with tells what it is. */
typedef enum file_kind {
    FILE_OTHER,
    FILE_SAFETENSORS, /* of another program */
    FILE_MODEL,
    FILE_CHECKPOINT,
    FILE_NPZ
} file_kind;

static bool holds(const char *bytes, size_t length, const char *words)
{
    return memmem(bytes, length, words, strlen(words)) != NULL;
}

static file_kind kind_of_bytes(const char *bytes, size_t length)
{
    if (length >= 4 && memcmp(bytes, "PK\003\004", 4) == 0)
        return FILE_NPZ;
    if (length < 9 || bytes[8] != '{')
        return FILE_OTHER;
    if (holds(bytes, length, "\"lathe_checkpoint\""))
        return FILE_CHECKPOINT;
    return holds(bytes, length, "\"lathe\"") ? FILE_MODEL : FILE_SAFETENSORS;
}

static status kind_of_file(const char *path, file_kind *kind, error *e)
{
    struct stat about;
    FILE *f = fopen(path, "rbe");
    char *bytes = f ? memory_new_raw(PEEK_BYTES, 1, e) : NULL;
    status result = E_OK;
    if (!f)
        return fail(e, E_FILE, "%s: cannot be opened: %s", path, strerror(errno));
    if (!bytes)
        result = E_MEMORY;
    else if (fstat(fileno(f), &about) == 0 && S_ISDIR(about.st_mode))
        result = fail(e, E_FILE, "%s: is a folder, want a file", path);
    else
        *kind = kind_of_bytes(bytes, fread(bytes, 1, PEEK_BYTES, f));
    if (result == E_OK && ferror(f))
        result = fail(e, E_FILE, "%s: cannot be read: %s", path, strerror(errno));
    memory_free(bytes);
    fclose(f);
    return result;
}

/* ---- save ---- */

static const option save_options[] = {
    {"name", OPTION_WORD, NULL, NULL, NULL, "a model or dataset of the session"},
    {"file", OPTION_FILE, NULL, NULL, NULL, "FILE.safetensors or FILE.npz"},
    {"force", OPTION_FLAG, NULL, "no", NULL, "replace whatever the file was"},
    {0},
};

static bool is_own_npz(const char *path)
{
    npz *archive = npz_open(path, NULL);
    bool own = archive && npz_has(archive, ENTRY_SPLITS);
    npz_close(archive);
    return own;
}

/* A script that is run again writes its own files again; a person is asked; anything else
   stays. */
status store_may_replace(call *c, const char *who, const char *path, object_kind kind,
                         error *e)
{
    if (!file_exists(path) || option_flag(&c->options, "force"))
        return E_OK;
    if (interpreter_can_ask(c->interpreter)) {
        text question = {0};
        text_addf(&question, "%s exists: replace it?", path);
        bool yes = interpreter_confirm(c->interpreter, text_get(&question));
        text_clear(&question);
        if (yes)
            return E_OK;
    } else {
        file_kind old = FILE_OTHER;
        TRY(kind_of_file(path, &old, e));
        if (kind == OBJECT_MODEL ? old == FILE_MODEL
                                 : old == FILE_NPZ && is_own_npz(path))
            return E_OK;
    }
    fail(e, E_FILE, "%s: %s exists already", who, path);
    return fail_hint(e, "force=yes replaces it");
}

static status check_ending(const char *path, object_kind kind, error *e)
{
    const char *wrong = kind == OBJECT_MODEL ? ".npz" : ".safetensors";
    const char *right = kind == OBJECT_MODEL ? ".safetensors" : ".npz";
    if (text_ends(path, wrong))
        return fail(e, E_USAGE, "save: '%s' ends in %s, want %s for a %s", path, wrong,
                    right, kind == OBJECT_MODEL ? "model" : "dataset");
    return E_OK;
}

static status fail_not_storable(object_kind kind, const char *name, error *e)
{
    if (kind == OBJECT_TABLE) {
        fail(e, E_USAGE, "save: '%s' is a table", name);
        return fail_hint(e, "write it with 'show %s > FILE.csv'", name);
    }
    fail(e, E_NAME, "save: no model or dataset '%s'", name);
    return fail_hint(e, "'list' shows what there is");
}

static status save_command(call *c, error *e)
{
    const char *name = option_words(&c->options, "name");
    const char *path = option_words(&c->options, "file");
    object_kind kind = session_kind(c->session, name);
    struct stat about;
    if (kind != OBJECT_MODEL && kind != OBJECT_DATASET)
        return fail_not_storable(kind, name, e);
    TRY(check_ending(path, kind, e));
    TRY(store_may_replace(c, "save", path, kind, e));
    if (kind == OBJECT_MODEL)
        TRY(model_write(session_get_model(c->session, name, e), path, e));
    else
        TRY(dataset_write_npz(session_get_dataset(c->session, name, e), path, e));
    session_keep(c->session, name);
    table_row(c->rows);
    table_text(c->rows, "name", name);
    table_text(c->rows, "file", path);
    if (stat(path, &about) == 0)
        table_integer(c->rows, "bytes", about.st_size);
    return rows_put_digest(c->rows, path, e);
}

const command command_save = {
    .name = "save",
    .group = "session",
    .summary = "write a model or a dataset to a file",
    .options = save_options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_RECORDED,
    .example = "save m m.safetensors",
    .details =
        "A model is a .safetensors file with its graph, masks, codes and training "
        "curve; a dataset is an .npz archive.  A script replaces files that 'save' "
        "wrote; at the prompt it asks; other files are replaced with force=yes alone.",
    .see = "load, session, export",
    .run = save_command,
};

/* ---- load ---- */

static const option load_options[] = {
    {"name", OPTION_NAME, NULL, NULL, NULL, "name for what the file holds"},
    {"file", OPTION_FILE, NULL, NULL, NULL, "a file that lathe wrote"},
    {0},
};

static model *read_checkpoint(const char *path, error *e)
{
    train_state state;
    train_settings trained;
    char *command = NULL;
    if (checkpoint_read(path, &state, &trained, &command, e) != E_OK)
        return NULL;
    model *m = model_copy(train_result(&state), e);
    train_clear(&state);
    memory_free(command);
    return m;
}

static status load_model(call *c, const char *name, model *m, error *e)
{
    if (!m)
        return e->code;
    table_text(c->rows, "model", name);
    table_text(c->rows, "architecture", m->architecture);
    table_integer(c->rows, "parameters", graph_parameter_count(m->graph));
    table_integer(c->rows, "nonzero", graph_nonzero(m->graph));
    table_integer(c->rows, "epochs", m->epoch_count);
    table_integer(c->rows, "steps", m->step_count);
    rows_note_methods(c, name, m);
    TRY(session_put_model(c->session, name, m, e));
    session_keep(c->session, name);
    return E_OK;
}

static status load_dataset(call *c, const char *name, const char *path, error *e)
{
    dataset *d = dataset_read_npz(path, e);
    if (!d)
        return e->code;
    rows_put_dataset(c->rows, name, d);
    return session_put_dataset(c->session, name, d, e);
}

static status load_file(call *c, const char *path, error *e)
{
    const char *name = option_words(&c->options, "name");
    file_kind kind = FILE_OTHER;
    TRY(session_check_name(name, e));
    TRY(kind_of_file(path, &kind, e));
    table_row(c->rows);
    switch (kind) {
    case FILE_MODEL:
    case FILE_SAFETENSORS: /* its reader says what is missing */
        return load_model(c, name, model_read(path, e), e);
    case FILE_CHECKPOINT:
        return load_model(c, name, read_checkpoint(path, e), e);
    case FILE_NPZ:
        return load_dataset(c, name, path, e);
    case FILE_OTHER:
        break;
    }
    fail(e, E_FORMAT, "load: %s: neither a .safetensors file nor an .npz archive", path);
    return fail_hint(e, "'source %s' runs a script, 'session load' reads a folder", path);
}

static status load_command(call *c, error *e)
{
    text found = {0};
    status result =
        interpreter_find(c->interpreter, option_words(&c->options, "file"), &found, e);
    if (result == E_OK)
        result = load_file(c, text_get(&found), e);
    text_clear(&found);
    return result;
}

const command command_load = {
    .name = "load",
    .group = "session",
    .summary = "read a model or a dataset from a file",
    .options = load_options,
    .arguments = 2,
    .required = 2,
    .flags = COMMAND_CHANGES | COMMAND_RECORDED,
    .example = "load m m.safetensors",
    .details = "What the file is, is read from its first bytes.  It is looked for from "
               "here, and then beside the script that names it.  The checkpoint of a "
               "training gives its best model.  'data NAME npz FILE' reads archives of "
               "other programs.",
    .see = "save, session, data",
    .run = load_command,
};

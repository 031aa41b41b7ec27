/* SPDX-License-Identifier: GPL-3.0-or-later
   render.c -- from a figure to a file: the script with its terminal, a private folder for
   gnuplot to run in, and bytes that depend on the data alone.  It draws nothing itself.

   gnuplot sees fixed names only and writes to standard output (or, for LaTeX, into the
   private folder), so no path of the user's ever stands in a script that lathe runs. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "plots/format.h"
#include "plots/gnuplot.h"
#include "plots/style.h"

#define SECONDS_MAX     120.0
#define LATEX_BYTES_MAX ((size_t)256 << 20)

/* The names within the private folder. */
#define SCRIPT_NAME         "figure.gp"
#define DATA_NAME           "figure.dat"
#define LATEX_NAME          "figure.tex"
#define LATEX_GRAPHICS_NAME "figure.pdf"

/* PATH without its ending; "" for the terminal.  The caller frees. */
static char *stem_of(const char *path, error *e)
{
    if (!path)
        return memory_text("", e);
    return memory_format(e, "%.*s", (int)(strrchr(path, '.') - path), path);
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static status write_file(const char *folder, const char *name, const char *bytes,
                         size_t length, error *e)
{
    atomic_file f;
    char *path = memory_format(e, "%s%s", folder, name);
    if (!path)
        return E_MEMORY;
    status result = atomic_open(&f, path, e);
    if (result == E_OK) {
        if (fwrite(bytes, 1, length, f.stream) != length)
            result = fail(e, E_FILE, "%s: %s", path, strerror(errno));
        else
            result = atomic_commit(&f, e);
        atomic_abandon(&f);
    }
    memory_free(path);
    return result;
}

static status write_text(const char *folder, const char *name, const text *t, error *e)
{
    return write_file(folder, name, text_get(t), t->length, e);
}

/* LaTeX includes plain names only, and a script's comment ends at a line's end. */
static status check_name(const figure_target *to, figure_medium medium, error *e)
{
    if (!to->path)
        return E_OK;
    const char *name = name_of(to->path);
    for (const char *p = name; *p; p++) {
        unsigned char byte = (unsigned char)*p;
        if (medium == MEDIUM_LATEX && !isalnum(byte) && !strchr("._+-", byte))
            return fail(e, E_USAGE,
                        "'%s': LaTeX takes letters, digits and . _ + - in the name "
                        "of a figure",
                        name);
        if (to->keep_data && (byte < 0x20 || byte == 0x7f))
            return fail(e, E_USAGE, "data=yes: a control character in '%s'", name);
    }
    return E_OK;
}

/* FILE.gp: the same figure from FILE.dat beside it, wherever gnuplot is started. */
static status keep_script(const figure_call *c, const figure_target *to,
                          const format_row *format, const char *stem, const text *style,
                          error *e)
{
    const char *const names[] = {name_of(stem), name_of(to->path)};
    const char *const places[] = {"DATA = FOLDER.'", "set output FOLDER.'"};
    const char *const ends[] = {".dat'\n", "'\n"};
    text script = {0};
    text_add(&script, "# Drawn by lathe; gnuplot makes the figure again from this file.\n"
                      "FOLDER = ARG0\n"
                      "while (strlen(FOLDER) && FOLDER[strlen(FOLDER):*] ne '/') {\n"
                      "    FOLDER = FOLDER[1:strlen(FOLDER) - 1]\n}\n"
                      "if (FOLDER eq '') { FOLDER = './' }\n");
    format->terminal(c, to, &script);
    for (int i = 0; i < 2; i++) {
        text_add(&script, places[i]);
        for (const char *p = names[i]; *p; p++)
            text_add_bytes(&script, *p == '\'' ? "''" : p, *p == '\'' ? 2 : 1);
        text_add(&script, ends[i]);
    }
    text_add(&script, text_get(style));
    text_add(&script, text_get(c->script));
    text_add(&script, "unset output\n");
    status result = text_ok(&script, e);
    if (result == E_OK)
        result = write_text(stem, ".gp", &script, e);
    text_clear(&script);
    return result;
}

/* "D:20261122022121Z": cairo stamps the time of the run; same length, so offsets hold. */
static void fix_pdf_date(char *bytes, size_t length)
{
    static const char key[] = "/CreationDate (D:";
    enum { DIGITS = 14 };
    time_t epoch = (time_t)gnuplot_epoch();
    struct tm date;
    char digits[DIGITS + 1] = "19700101000000";
    if (gmtime_r(&epoch, &date))
        strftime(digits, sizeof digits, "%Y%m%d%H%M%S", &date);
    char *at = length ? memmem(bytes, length, key, sizeof key - 1) : NULL;
    if (at && (size_t)(bytes + length - at) >= sizeof key - 1 + DIGITS)
        memcpy(at + sizeof key - 1, digits, DIGITS);
}

/* Lines without trailing blanks and form feeds, and none that are empty at the head and
   the end. */
static void tidy_picture(const char *bytes, text *out)
{
    size_t begin = out->length, filled = 0;
    for (const char *line = bytes; *line;) {
        line += *line == '\f';
        size_t length = strcspn(line, "\n"), used = length;
        while (used > 0 && line[used - 1] == ' ')
            used--;
        if (used > 0 || out->length > begin) {
            text_add_bytes(out, line, used);
            text_add(out, "\n");
        }
        if (used > 0)
            filled = out->length;
        line += length + (line[length] == '\n');
    }
    if (filled && !out->failed) {
        out->length = filled;
        out->data[filled] = '\0';
    }
}

/* gnuplot's LaTeX, with the name of the graphics put in, and made a document where it is
   not within one: \@nodocument is \relax from \begin{document} on. */
static void wrap_latex(const figure_call *c, const char *latex, const char *name,
                       text *out)
{
    static const char old[] = "{figure}";
    double page[2] = {c->width_mm * style_of(c)->magnify,
                      c->height_mm * style_of(c)->magnify};
    text_addf(out,
              "%% Drawn by lathe.  Input it where graphicx and color are loaded, or run "
              "pdflatex on it.\n"
              "\\expandafter\\ifx\\csname @nodocument\\endcsname\\relax\\else\n"
              "  \\documentclass{article}\n"
              "  \\usepackage{graphicx,color}\n"
              "  \\usepackage[papersize={%.4fmm,%.4fmm},margin=0pt]{geometry}\n"
              "  \\pagestyle{empty}\\parindent=0pt\n"
              "  \\def\\lathealone{}\n"
              "  \\begin{document}%%\n"
              "\\fi\n",
              page[0], page[1]);
    text_addf(out, "{\\fontsize{%g}{%g}\\selectfont\n",
              STYLE_POINTS * style_of(c)->magnify,
              (STYLE_POINTS + 2) * style_of(c)->magnify);
    const char *at;
    while ((at = strstr(latex, "\\includegraphics")) != NULL) {
        const char *brace = strstr(at, old), *end = at + strcspn(at, "\n");
        const char *stop = brace && brace < end ? brace : end;
        text_add_bytes(out, latex, (size_t)(stop - latex));
        if (stop == brace)
            text_addf(out, "{%s-inc.pdf}", name);
        latex = stop == brace ? stop + sizeof old - 1 : stop;
    }
    text_add(out, latex);
    text_add(out, "}%\n\\ifdefined\\lathealone\\else\\expandafter\\endinput\\fi\n"
                  "\\end{document}\n");
}

static status finish_latex(const figure_call *c, const char *folder, const char *stem,
                           text *out, error *e)
{
    void *latex = NULL, *graphics = NULL;
    size_t latex_length = 0, graphics_length = 0;
    char *latex_path = memory_format(e, "%s" LATEX_NAME, folder);
    char *graphics_path = memory_format(e, "%s" LATEX_GRAPHICS_NAME, folder);
    status result = latex_path && graphics_path ? E_OK : E_MEMORY;
    if (result == E_OK)
        result = file_read(latex_path, LATEX_BYTES_MAX, &latex, &latex_length, e);
    if (result == E_OK)
        result =
            file_read(graphics_path, LATEX_BYTES_MAX, &graphics, &graphics_length, e);
    text source = {0};
    if (result == E_OK) {
        text_add_bytes(&source, latex, latex_length);
        wrap_latex(c, text_get(&source), name_of(stem), out);
        fix_pdf_date(graphics, graphics_length);
        result = text_ok(&source, e);
    }
    if (result == E_OK)
        result = write_file(stem, "-inc.pdf", graphics, graphics_length, e);
    text_clear(&source);
    memory_free(latex);
    memory_free(graphics);
    memory_free(latex_path);
    memory_free(graphics_path);
    return result;
}

/* A private folder, its path ending in "/"; the caller frees and removes it. */
static char *folder_new(error *e)
{
    char *path = file_temporary_folder(e);
    char *folder = path ? memory_format(e, "%s/", path) : NULL;
    if (path && !folder)
        rmdir(path);
    memory_free(path);
    return folder;
}

/* Without memory, which may be what was wanting. */
static void folder_remove(const char *folder)
{
    static const char *const names[] = {SCRIPT_NAME, DATA_NAME, LATEX_NAME,
                                        LATEX_GRAPHICS_NAME};
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            unlinkat(descriptor, names[i], 0);
        close(descriptor);
    }
    rmdir(folder);
}

/* Runs gnuplot in FOLDER; OUT is the finished file (or picture) as bytes. */
static status run(const figure_call *c, const figure_target *to, const format_row *format,
                  const char *stem, const text *style, const char *folder, text *out,
                  error *e)
{
    text script = {0}, raw = {0};
    text_add(&script, "DATA = '" DATA_NAME "'\n");
    format->terminal(c, to, &script);
    if (format->medium == MEDIUM_LATEX)
        text_add(&script, "set output '" LATEX_NAME "'\n");
    text_add(&script, text_get(style));
    text_add(&script, text_get(c->script));
    text_add(&script, "unset output\n");
    status result = text_ok(&script, e);
    if (result == E_OK)
        result = write_text(folder, SCRIPT_NAME, &script, e);
    if (result == E_OK)
        result = write_text(folder, DATA_NAME, c->data, e);
    if (result == E_OK)
        result = gnuplot_run(folder, SCRIPT_NAME, SECONDS_MAX, c->task, &raw, e);
    if (result == E_FILE && c->moving && strstr(e->text, "terminal type"))
        fail_hint(e, "this gnuplot was built without libgd, which writes .gif: install "
                     "one that has it (apt install gnuplot-nox), or take .png");
    if (result == E_OK && format->medium == MEDIUM_LATEX)
        result = finish_latex(c, folder, stem, out, e);
    else if (result == E_OK && raw.length == 0)
        result = fail(e, E_FILE, "gnuplot: it drew nothing");
    else if (result == E_OK && format->medium == MEDIUM_TEXT)
        tidy_picture(text_get(&raw), out);
    else if (result == E_OK) {
        if (format->dated)
            fix_pdf_date(raw.data, raw.length);
        text_add_bytes(out, raw.data, raw.length);
    }
    text_clear(&script);
    text_clear(&raw);
    return result == E_OK ? text_ok(out, e) : result;
}

/* Lays out the page and lets the figure draw into C's texts. */
static status draw(const figure_row *row, figure_call *c, const figure_target *to,
                   const format_row *format, error *e)
{
    c->medium = format->medium;
    c->unicode = to->unicode;
    c->moving = format->moving;
    c->width_mm /= style_of(c)->magnify;
    c->height_mm /= style_of(c)->magnify;
    if (format->medium == MEDIUM_TEXT) {
        c->width_mm = 2.0 * (to->columns > 0 ? to->columns : 80);
        c->height_mm = 4.0 * (to->rows > 0 ? to->rows : 24);
    }
    if (c->width_mm <= 0)
        c->width_mm = row->width_mm;
    if (c->height_mm <= 0)
        c->height_mm = row->height_mm;
    TRY(row->draw(c, e));
    TRY(text_ok(c->script, e));
    return text_ok(c->data, e);
}

/* Where there is no gnuplot the numbers are what can be saved. */
static status check_gnuplot(const figure_call *c, const figure_target *to,
                            const char *stem, error *e)
{
    char *program = gnuplot_find(e);
    if (program) {
        memory_free(program);
        return E_OK;
    }
    if (!to->path || e->code != E_FILE)
        return e->code;
    char *path = memory_format(e, "%s.dat", stem);
    if (!path)
        return E_MEMORY;
    bool taken = file_exists(path); /* it may be anything of the user's */
    status result = taken ? E_OK : write_text(path, "", c->data, e);
    if (result == E_OK)
        fail(e, E_FILE, "gnuplot: not found in PATH; %s '%s'",
             taken ? "its data are not written either, there is a file"
                   : "the data were written to",
             path);
    memory_free(path);
    if (result != E_OK)
        return result;
    return fail_hint(e,
                     "install it (apt install gnuplot-nox) and give the command again");
}

static status render(figure_call *c, const figure_target *to, const format_row *format,
                     const char *stem, text *out, error *e)
{
    text style = {0};
    figure_call begin = *c;
    begin.script = &style;
    style_begin(&begin);
    char *folder = NULL;
    status result = text_ok(&style, e);
    if (result == E_OK)
        result = check_gnuplot(c, to, stem, e);
    if (result == E_OK && !(folder = folder_new(e)))
        result = e->code;
    if (result == E_OK)
        result = run(c, to, format, stem, &style, folder, out, e);
    if (folder)
        folder_remove(folder);
    if (result == E_OK && to->keep_data && to->path) {
        result = write_text(stem, ".dat", c->data, e);
        if (result == E_OK)
            result = keep_script(c, to, format, stem, &style, e);
    }
    memory_free(folder);
    text_clear(&style);
    return result;
}

static status render_to(const figure_row *row, figure_call *c, const figure_target *to,
                        text *picture, int64_t *bytes, error *e)
{
    const format_row *format = format_find(to->form ? to->form : to->path, e);
    if (!format)
        return E_USAGE;
    TRY(check_name(to, format->medium, e));
    TRY(draw(row, c, to, format, e));
    char *stem = stem_of(to->path, e);
    if (!stem)
        return E_MEMORY;
    text out = {0};
    status result = render(c, to, format, stem, &out, e);
    if (result == E_OK && to->path)
        result = write_text(to->path, "", &out, e);
    else if (result == E_OK && picture) {
        text_add_bytes(picture, text_get(&out), out.length);
        result = text_ok(picture, e);
    }
    if (bytes)
        *bytes = (int64_t)out.length;
    text_clear(&out);
    memory_free(stem);
    return result;
}

status figure_render(const figure_row *row, figure_call *c, const figure_target *to,
                     text *picture, int64_t *bytes, error *e)
{
    status result = render_to(row, c, to, picture, bytes, e);
    if (result != E_OK)
        fail_prefix(e, "plot %s", row->name);
    return result;
}

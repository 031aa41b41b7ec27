/* SPDX-License-Identifier: GPL-3.0-or-later
   words.c -- words and numbers on their way into a gnuplot script.  Everything that comes
   from a file or a user passes here; nothing else may put such words into a script. */
#include <math.h>
#include <string.h>
#include "plots/figure.h"

/* Signs that LaTeX's fonts or ASCII lack, longest first where one begins another. */
typedef struct sign {
    const char *unicode, *latex, *ascii;
    bool superscript; /* neighbours are raised together */
} sign;

static const sign signs[] = {
    {"∂φ/∂x", "$\\partial\\varphi/\\partial x$", "dphi/dx", false},
    {"∂φ/∂y", "$\\partial\\varphi/\\partial y$", "dphi/dy", false},
    {"|ψ|²", "$|\\psi|^2$", "|psi|^2", false},
    {"∂", "$\\partial$", "d", false},
    {"φ", "$\\varphi$", "phi", false},
    {"ψ", "$\\psi$", "psi", false},
    {"π", "$\\pi$", "pi", false},
    {"Ω", "$\\Omega$", "Omega", false},
    {"μ", "$\\mu$", "u", false},
    {"Δ", "$\\Delta$", "D", false},
    {"−", "$-$", "-", false},
    {"×", "$\\times$", "x", false},
    {"·", "$\\cdot$", "*", false},
    {"±", "$\\pm$", "+-", false},
    {"≤", "$\\le$", "<=", false},
    {"≥", "$\\ge$", ">=", false},
    {"–", "--", "-", false},
    {"…", "\\dots{}", "...", false},
    {"⁻", "-", "-", true},
    {"⁰", "0", "0", true},
    {"¹", "1", "1", true},
    {"²", "2", "2", true},
    {"³", "3", "3", true},
    {"⁴", "4", "4", true},
    {"⁵", "5", "5", true},
    {"⁶", "6", "6", true},
    {"⁷", "7", "7", true},
    {"⁸", "8", "8", true},
    {"⁹", "9", "9", true},
    {NULL, NULL, NULL, false},
};

/* ASCII that LaTeX would take for a command, and "[", which gnuplot's LaTeX terminals
   would take for a position. */
static const sign latex_specials[] = {
    {"\\", "\\textbackslash{}", NULL, false},
    {"{", "\\{", NULL, false},
    {"}", "\\}", NULL, false},
    {"$", "\\$", NULL, false},
    {"&", "\\&", NULL, false},
    {"#", "\\#", NULL, false},
    {"%", "\\%", NULL, false},
    {"_", "\\_", NULL, false},
    {"^", "\\textasciicircum{}", NULL, false},
    {"~", "\\textasciitilde{}", NULL, false},
    {"<", "\\textless{}", NULL, false},
    {">", "\\textgreater{}", NULL, false},
    {"|", "\\textbar{}", NULL, false},
    {"`", "\\`{}", NULL, false},
    {"\"", "\\string\"", NULL, false},
    {"[", "{[}", NULL, false},
    {NULL, NULL, NULL, false},
};

/* Bytes of the UTF-8 character at WORDS, 0 where it is none (RFC 3629, section 4);
   *CODE receives the code point. */
static int utf8_length(const unsigned char *words, uint32_t *code)
{
    unsigned char first = words[0];
    if (first < 0x80) {
        *code = first;
        return 1;
    }
    int length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    uint32_t value = first & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        if ((words[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (words[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return length;
}

/* WORDS as printable UTF-8: no controls, no stray bytes, nothing that XML forbids. */
static void add_printable(text *out, const char *words)
{
    const unsigned char *p = (const unsigned char *)words;
    while (*p) {
        uint32_t code = 0;
        int length = utf8_length(p, &code);
        if (length == 0)
            text_add(out, "\xef\xbf\xbd");
        else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
            text_add(out, " ");
        else if (code == 0xfffe || code == 0xffff)
            text_add(out, "\xef\xbf\xbd");
        else
            text_add_bytes(out, (const char *)p, (size_t)length);
        p += length ? length : 1;
    }
}

static int64_t count_characters(const char *words)
{
    int64_t count = 0;
    for (; *words; words++)
        count += ((unsigned char)*words & 0xc0) != 0x80;
    return count;
}

/* The place of the I-th character of valid UTF-8. */
static const char *character_at(const char *words, int64_t i)
{
    for (; *words; words++) {
        if (((unsigned char)*words & 0xc0) == 0x80)
            continue;
        if (i-- == 0)
            return words;
    }
    return words;
}

static void add_shortened(text *out, const char *words, int columns)
{
    int64_t count = count_characters(words);
    if (columns < 3 || count <= columns) {
        text_add(out, words);
        return;
    }
    int64_t tail = (columns - 1) / 2, head = columns - 1 - tail;
    text_add_bytes(out, words, (size_t)(character_at(words, head) - words));
    text_add(out, "…");
    text_add(out, character_at(words, count - tail));
}

static const sign *sign_at(const sign *table, const char *words)
{
    for (const sign *s = table; s->unicode; s++)
        if (text_starts(words, s->unicode))
            return s;
    return NULL;
}

/* Letters that LaTeX's standard input encoding composes: Latin-1 and Latin Extended-A. */
static bool latex_knows(uint32_t code)
{
    return code >= 0xc0 && code <= 0x17f && code != 0xd7 && code != 0xf7;
}

/* WORDS (printable UTF-8) for a medium that spells signs out. */
static void add_spelt(text *out, const char *words, bool latex)
{
    bool raised = false;
    while (*words) {
        const sign *s = sign_at(signs, words);
        if (!s && latex)
            s = sign_at(latex_specials, words);
        bool raise = s && s->superscript;
        if (raise && !raised)
            text_add(out, latex ? "$^{" : "^");
        if (!raise && raised && latex)
            text_add(out, "}$");
        raised = raise;
        if (s) {
            text_add(out, latex ? s->latex : s->ascii);
            words += strlen(s->unicode);
            continue;
        }
        uint32_t code = 0;
        int length = utf8_length((const unsigned char *)words, &code);
        if (code < 0x80 || (latex && latex_knows(code)))
            text_add_bytes(out, words, (size_t)length);
        else
            text_add(out, "?");
        words += length;
    }
    if (raised && latex)
        text_add(out, "}$");
}

/* gnuplot evaluates nothing within single quotes; a quote is written twice. */
static void add_literal(text *script, const char *words)
{
    text_add(script, "'");
    for (const char *p = words; *p; p++)
        text_add_bytes(script, *p == '\'' ? "''" : p, *p == '\'' ? 2 : 1);
    text_add(script, "'");
}

void figure_string(figure_call *c, const char *words, int columns)
{
    text printable = {0}, cut = {0}, spelt = {0};
    add_printable(&printable, words ? words : "");
    add_shortened(&cut, text_get(&printable), columns);
    bool plain = c->medium == MEDIUM_PAGE || (c->medium == MEDIUM_TEXT && c->unicode);
    if (!plain)
        add_spelt(&spelt, text_get(&cut), c->medium == MEDIUM_LATEX);
    add_literal(c->script, text_get(plain ? &cut : &spelt));
    c->script->failed |= printable.failed || cut.failed || spelt.failed;
    text_clear(&printable);
    text_clear(&cut);
    text_clear(&spelt);
}

int figure_block(figure_call *c, const char *comment)
{
    if (c->blocks > 0)
        text_add(c->data, "\n\n"); /* two blank lines part gnuplot's data sets */
    text_addf(c->data, "# %s\n", comment);
    return c->blocks++;
}

void figure_number(figure_call *c, double value)
{
    char buffer[32];
    if (!isfinite(value))
        text_add(c->data, "NaN ");
    else
        text_addf(c->data, "%s ", text_real(buffer, value));
}

void figure_pixel(figure_call *c, double value)
{
    if (!isfinite(value))
        text_add(c->data, "NaN ");
    else
        text_addf(c->data, "%.4g ", value);
}

void figure_end_row(figure_call *c)
{
    /* The row's last blank becomes its end. */
    if (c->data->length > 0 && c->data->data[c->data->length - 1] == ' ')
        c->data->data[c->data->length - 1] = '\n';
    else
        text_add(c->data, "\n");
}

/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_layout.c -- the shape of products, their source, and where codes go.  Packing
   weights is in integer_prepare.c.  Nothing here multiplies or allocates. */
#include "kernel/integer_layout.h"

#include <string.h>

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t round_up(int64_t a, int64_t b)
{
    return divide_up(a, b) * b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Does kernel tap K meet the image for any output along the axis? */
static bool meets(const integer_conv *c, int axis, int64_t k)
{
    int64_t in = axis ? c->width : c->height, out = axis ? c->out_width : c->out_height;
    int64_t at = k * c->dilation[axis] - c->padding[axis], first = 0;
    if (at < 0)
        first = divide_up(-at, c->stride[axis]);
    return first < out && first * c->stride[axis] + at < in;
}

/* Taps that lie in the padding for every output count 0: they are left out. */
static void trim_kernel(integer_layout *l)
{
    const integer_conv *c = &l->conv;
    for (int axis = 0; axis < 2; axis++) {
        int64_t first = 0, end = c->kernel[axis];
        while (first + 1 < end && !meets(c, axis, first))
            first++;
        while (end - 1 > first && !meets(c, axis, end - 1))
            end--;
        l->tap_first[axis] = first;
        l->taps[axis] = end - first;
        l->padding[axis] = c->padding[axis] - first * c->dilation[axis];
        /* With one output there is nothing to stride over. */
        l->stride[axis] =
            (axis ? c->out_width : c->out_height) == 1 ? 1 : c->stride[axis];
    }
}

static void set_runs(integer_layout *l, int64_t fold)
{
    l->fold = fold;
    l->lanes = fold * l->outputs;
    l->blocks = divide_up(l->lanes, INTEGER_LANES);
    l->runs = l->patches ? 1 : l->taps[0];
    l->run_length = l->depth * (l->taps[1] + fold - 1) * (l->patches ? l->taps[0] : 1);
    l->run_steps = divide_up(l->run_length, l->form.unit);
}

/* Nanoseconds for INTEGER_ROWS rows of products, as measured on one machine with tiles:
   loads of rows that lie close together are slow, products are otherwise the limit, and
   rounding the sums counts too.  It need only order the folds. */
static double row_cost(const integer_layout *l)
{
    double steps = (double)(l->runs * l->run_steps), blocks = (double)l->blocks;
    int64_t distance = l->fold * l->depth;
    double load = distance < 16 ? 17 : distance < 32 ? 14 : distance < 64 ? 9 : 8;
    double multiply = blocks * 6, read = load * (double)((l->blocks + 1) / 2);
    if (l->form.unit < 64)
        return steps * blocks * 5 + blocks * 40;
    return steps * (multiply > read ? multiply : read) + blocks * 40;
}

static void choose_fold(integer_layout *l)
{
    const int64_t width = l->conv.out_width;
    int64_t best = 1;
    double least = 0.0;
    for (int64_t fold = 1; fold == 1 || fold * l->outputs <= 4 * INTEGER_LANES;
         fold *= 2) {
        if (fold > 1 && (l->patches || fold > width))
            break;
        set_runs(l, fold);
        double cost = row_cost(l) * (double)divide_up(width, fold);
        if (fold == 1 || cost < least) {
            least = cost;
            best = fold;
        }
    }
    set_runs(l, best);
}

static void set_lines(integer_layout *l)
{
    const integer_conv *c = &l->conv;
    if (l->patches) {
        l->lines = c->batch * c->out_height * c->out_width;
        l->period = l->source_period = l->height = l->lines;
        l->line_rows = l->line_pixels = 1;
        l->row_distance = l->line_distance = l->run_steps * l->form.unit;
        return;
    }
    l->height = c->out_height;
    l->source_period = c->out_height + (l->taps[0] - 1) * c->dilation[0];
    l->period = l->form.gaps ? l->source_period : l->height;
    l->lines = (c->batch - 1) * l->period + c->out_height;
    l->source_width = round_up(c->out_width + l->taps[1] - 1, l->fold);
    l->line_pixels = c->out_width;
    l->line_rows =
        (l->form.gaps ? l->source_width : round_up(c->out_width, l->fold)) / l->fold;
    l->row_distance = l->fold * l->depth;
    l->line_distance = l->source_width * l->depth;
    l->run_distance = l->line_distance * c->dilation[0];
}

/* The line of the source, images counted through, at which line LINE's windows begin. */
static int64_t source_line(const integer_layout *l, int64_t line)
{
    return line / l->period * l->source_period + line % l->period;
}

static int64_t rows_of(const integer_layout *l, int64_t lines)
{
    return (lines - 1) * l->line_rows + divide_up(l->line_pixels, l->fold);
}

static int64_t source_of(const integer_layout *l, int64_t lines)
{
    int64_t borders = divide_up(lines - 1, l->period); /* of images that it may cross */
    int64_t starts = lines + borders * (l->source_period - l->period);
    int64_t rows = (starts - 1) * (l->line_distance / l->row_distance) + rows_of(l, 1);
    if (l->form.gaps)
        rows = round_up(rows, INTEGER_ROWS);
    int64_t read = (rows - 1) * l->row_distance + (l->runs - 1) * l->run_distance +
                   l->run_steps * l->form.unit;
    int64_t more = l->patches ? 0 : (l->taps[0] - 1) * l->conv.dilation[0];
    return larger(read, (starts + more) * l->line_distance) * l->form.element;
}

static int64_t weights_of(const integer_layout *l, int64_t blocks)
{
    return blocks * l->runs * l->run_steps * l->form.unit * INTEGER_LANES *
           l->form.element;
}

/* Few rows of narrow images: many taps miss many of them. */
bool integer_layout_is_visited(const integer_layout *l, int64_t lines)
{
    enum { LINES_LEAST = 4, WIDTH_MOST = 8 };
    return integer_layout_padding_counts(l) && l->fold == 1 &&
           l->depth % l->form.unit == 0 && l->taps[1] > 1 && lines >= LINES_LEAST &&
           l->line_rows <= WIDTH_MOST && lines * l->line_rows <= INTEGER_VISITED;
}

/* Blocks that are multiplied together. */
static int64_t blocks_fit(const integer_layout *l, int64_t lines)
{
    return rows_of(l, lines) <= INTEGER_ROWS && !integer_layout_is_visited(l, lines) ? 4
                                                                                     : 2;
}

/* Nanoseconds of it all: products, or weights that come from far. */
static double whole_cost(const integer_layout *l)
{
    const double bytes_each = 20.0;
    double groups = (double)l->conv.groups;
    double rows = (double)divide_up(rows_of(l, l->lines), INTEGER_ROWS);
    double products = groups * row_cost(l) * rows;
    double weights = groups * (double)weights_of(l, l->blocks) / bytes_each;
    return products > weights ? products : weights;
}

/* Cuts by shape alone: source that stays in the cache, then enough parts for some
   threads, as long as each is worth handing over. */
static void cut(integer_layout *l)
{
    const int64_t source_most = 128 * 1024, parts_least = 16;
    const double worth = 4000.0, all = whole_cost(l);
    l->part_lines = l->lines;
    l->part_blocks = l->blocks;
    while (l->part_lines > 1 && source_of(l, l->part_lines) > source_most)
        l->part_lines = divide_up(l->part_lines, 2);
    for (;;) {
        int64_t parts = integer_layout_parts(l);
        int64_t least = blocks_fit(l, l->part_lines);
        if (parts >= parts_least || all / (double)parts < worth)
            break;
        bool by_blocks = l->part_blocks > least &&
                         (l->part_lines == 1 ||
                          weights_of(l, l->part_blocks) > source_of(l, l->part_lines));
        if (by_blocks)
            l->part_blocks = round_up(divide_up(l->part_blocks, 2), least);
        else if (l->part_lines > 1)
            l->part_lines = divide_up(l->part_lines, 2);
        else
            break;
    }
    l->line_parts = divide_up(l->lines, l->part_lines);
    l->block_parts = divide_up(l->blocks, l->part_blocks);
    l->source_bytes = round_up(source_of(l, l->part_lines), 64);
    l->row_most = l->form.gaps ? 0 : rows_of(l, l->part_lines) + INTEGER_ROWS;
}

integer_layout integer_layout_of(const integer_conv *c, integer_form form)
{
    integer_layout l = {.conv = *c, .form = form};
    integer_conv *own = &l.conv;
    own->x_pitch = c->x_pitch ? c->x_pitch : c->channels;
    own->y_pitch = c->y_pitch ? c->y_pitch : c->out_channels;
    l.depth = c->channels / c->groups;
    l.outputs = c->out_channels / c->groups;
    trim_kernel(&l);
    if (l.taps[0] == 1 && l.taps[1] == 1 && c->height == 1 && c->out_height == 1 &&
        l.stride[1] == 1 && l.padding[1] == 0 && c->width == c->out_width) {
        /* Rows of a linear layer are cut as lines are. */
        own->height = own->out_height = c->width;
        own->width = own->out_width = 1;
    }
    l.patches =
        l.stride[0] != 1 || l.stride[1] != 1 || (l.taps[1] > 1 && c->dilation[1] != 1);
    choose_fold(&l);
    set_lines(&l);
    cut(&l);
    return l;
}

int64_t integer_layout_parts(const integer_layout *l)
{
    return l->conv.groups * divide_up(l->lines, l->part_lines) *
           divide_up(l->blocks, l->part_blocks);
}

integer_part integer_layout_part(const integer_layout *l, int64_t index)
{
    integer_part p = {0};
    p.block = index % l->block_parts * l->part_blocks;
    p.line = index / l->block_parts % l->line_parts * l->part_lines;
    p.group = index / l->block_parts / l->line_parts;
    p.blocks = smaller(l->part_blocks, l->blocks - p.block);
    p.lines = smaller(l->part_lines, l->lines - p.line);
    p.rows = rows_of(l, p.lines);
    return p;
}

/* ---- the source ---- */

typedef struct filling {
    const integer_layout *layout;
    integer_copy *copy;
    int64_t group;
} filling;

static char *fill_zeros(const filling *f, char *to, int64_t pixels)
{
    const integer_layout *l = f->layout;
    int64_t bytes = pixels * l->depth * l->form.element;
    int code = l->form.element == 1 ? l->conv.in.zero + l->form.offset : 0;
    memset(to, code, (size_t)bytes);
    return to + bytes;
}

/* PIXELS neighbours of the image, from X on. */
static char *fill_pixels(const filling *f, char *to, const int8_t *x, int64_t pixels)
{
    const integer_layout *l = f->layout;
    int64_t zero = l->conv.in.zero, depth = l->depth, pitch = l->conv.x_pitch;
    int64_t bytes = depth * l->form.element;
    if (pitch == depth) {
        f->copy(to, x, pixels * depth, (int32_t)zero);
        return to + pixels * bytes;
    }
    for (int64_t i = 0; i < pixels; i++, to += bytes)
        f->copy(to, x + i * pitch, depth, (int32_t)zero);
    return to;
}

/* COUNT neighbours of line IY of image N from column IX on; what is outside is zeros. */
static char *fill_line(const filling *f, char *to, int64_t n, int64_t iy, int64_t ix,
                       int64_t count)
{
    const integer_conv *c = &f->layout->conv;
    if (n >= c->batch || iy < 0 || iy >= c->height)
        return fill_zeros(f, to, count);
    int64_t before = ix < 0 ? smaller(-ix, count) : 0;
    int64_t end = larger(smaller(c->width - ix, count), before);
    if (before > 0)
        to = fill_zeros(f, to, before);
    if (end > before)
        to = fill_pixels(
            f, to,
            c->x + ((n * c->height + iy) * c->width + ix + before) * c->x_pitch +
                f->group * f->layout->depth,
            end - before);
    return end < count ? fill_zeros(f, to, count - end) : to;
}

static char *fill_patch(const filling *f, char *to, int64_t pixel)
{
    const integer_layout *l = f->layout;
    const integer_conv *c = &l->conv;
    int64_t ox = pixel % c->out_width, line = pixel / c->out_width;
    int64_t oy = line % c->out_height, n = line / c->out_height;
    int64_t filled = l->run_length * l->form.element;
    int64_t whole = l->row_distance * l->form.element;
    for (int64_t ky = 0; ky < l->taps[0]; ky++) {
        int64_t iy = oy * l->stride[0] - l->padding[0] + ky * c->dilation[0];
        int64_t ix = ox * l->stride[1] - l->padding[1];
        if (c->dilation[1] == 1) {
            to = fill_line(f, to, n, iy, ix, l->taps[1]);
            continue;
        }
        for (int64_t kx = 0; kx < l->taps[1]; kx++)
            to = fill_line(f, to, n, iy, ix + kx * c->dilation[1], 1);
    }
    memset(to, 0, (size_t)(whole - filled));
    return to + whole - filled;
}

void integer_layout_fill(const integer_layout *l, const integer_part *p,
                         integer_copy *copy, void *source)
{
    const filling f = {l, copy, p->group};
    int64_t end = source_line(l, p->line + p->lines - 1) + 1;
    char *to = source;
    if (!l->patches)
        end += (l->taps[0] - 1) * l->conv.dilation[0];
    for (int64_t at = source_line(l, p->line); at < end; at++) {
        if (l->patches)
            to = fill_patch(&f, to, at);
        else
            to = fill_line(&f, to, at / l->source_period,
                           at % l->source_period - l->padding[0], -l->padding[1],
                           l->source_width);
    }
}

/* The runs that meet the image in line LINE. */
static integer_row runs_of(const integer_layout *l, int64_t line)
{
    const integer_conv *c = &l->conv;
    integer_row row = {.end_run = (int16_t)l->runs};
    if (l->patches)
        return row;
    int64_t above = l->padding[0] - line % l->period, dilation = c->dilation[0];
    int64_t end = divide_up(c->height + above, dilation);
    row.first_run = (int16_t)smaller(above > 0 ? divide_up(above, dilation) : 0, l->runs);
    row.end_run = (int16_t)larger(smaller(end, l->runs), row.first_run);
    return row;
}

bool integer_layout_rows(const integer_layout *l, const integer_part *p,
                         integer_row *rows)
{
    const int64_t first = source_line(l, p->line);
    bool padded = false;
    for (int64_t i = 0; i < p->lines; i++) {
        integer_row row = runs_of(l, p->line + i);
        int64_t line = source_line(l, p->line + i) - first;
        row.place = (int32_t)(line * (l->line_distance / l->row_distance));
        padded = padded || row.first_run > 0 || row.end_run < l->runs;
        for (int64_t k = 0; k < l->line_rows; k++, row.place++)
            rows[i * l->line_rows + k] = row;
    }
    for (int64_t i = p->rows; i < p->rows + INTEGER_ROWS; i++)
        rows[i] = rows[p->rows - 1];
    return padded;
}

/* One tap: a line meets it at pixels FIRST .. END - 1, or nowhere. */
static void visit_rows(const integer_layout *l, const integer_part *p,
                       const integer_row *rows, int64_t run, int64_t tap,
                       integer_visit *visit)
{
    int64_t width = l->line_rows, before = l->padding[1] - tap;
    int64_t first = smaller(larger(before, 0), width);
    int64_t end = larger(smaller(l->conv.width + before, width), first);
    int64_t met = 0, missed = 0;
    uint8_t outside[INTEGER_VISITED];
    for (int64_t line = 0; line < p->lines; line++, rows += width) {
        bool there = run >= rows->first_run && run < rows->end_run;
        for (int64_t x = 0; x < width; x++) {
            uint8_t row = (uint8_t)(line * width + x);
            if (there && x >= first && x < end)
                visit->row[met++] = row;
            else
                outside[missed++] = row;
        }
    }
    visit->count = (uint8_t)met;
    memcpy(visit->row + met, outside, (size_t)missed);
}

void integer_layout_visit(const integer_layout *l, const integer_part *p,
                          const integer_row *rows, integer_visit *visits)
{
    for (int64_t run = 0; run < l->runs; run++)
        for (int64_t tap = 0; tap < l->taps[1]; tap++)
            visit_rows(l, p, rows, run, tap, visits++);
}

/* ---- results to y ---- */

/* Bytes of a result. */
static int64_t result_bytes(const integer_layout *l)
{
    return l->conv.to_sums ? (int64_t)sizeof(int32_t) : 1;
}

static inline void put(char *to, const char *from, int64_t bytes)
{
    switch (bytes) {
    case 8:
        memcpy(to, from, 8);
        break;
    case 16:
        memcpy(to, from, 16);
        break;
    case 32:
        memcpy(to, from, 32);
        break;
    case 64:
        memcpy(to, from, 64);
        break;
    default:
        memcpy(to, from, (size_t)bytes);
    }
}

/* Lanes LANE..END of one row of products: pieces of FOLD pixels that lie apart. */
static void put_pieces(const integer_layout *l, char *y, int64_t lane, int64_t end,
                       const char *results)
{
    const int64_t bytes = result_bytes(l);
    for (int64_t at = lane; at < end;) {
        int64_t pixel = at / l->outputs;
        int64_t stop = smaller((pixel + 1) * l->outputs, end);
        put(y + (pixel * l->conv.y_pitch + at - pixel * l->outputs) * bytes,
            results + (at - lane) * bytes, (stop - at) * bytes);
        at = stop;
    }
}

/* COUNT rows whose pixels follow each other in y, the first at pixel X of its line. */
static void put_rows(const integer_layout *l, char *y, int64_t x, int64_t count,
                     int64_t lane, int64_t step, const char *results)
{
    const int64_t pitch = l->conv.y_pitch, end = smaller(lane + step, l->lanes);
    const int64_t bytes = result_bytes(l);
    const bool dense = pitch == l->outputs;
    for (int64_t i = 0; i < count; i++, x += l->fold) {
        int64_t left = smaller((l->line_pixels - x) * l->outputs, end);
        char *to = y + i * l->fold * pitch * bytes;
        const char *from = results + i * step * bytes;
        if (left <= lane)
            continue; /* these lanes are pixels behind the line's end */
        if (dense && step == l->lanes && left == end) {
            int64_t whole = smaller(count - i, (l->line_pixels - x) / l->fold);
            put(to, from, whole * step * bytes);
            i += whole - 1;
            x += (whole - 1) * l->fold;
        } else if (dense || l->fold == 1) {
            put(to + lane * bytes, from, (left - lane) * bytes);
        } else {
            put_pieces(l, to, lane, left, from);
        }
    }
}

void integer_layout_emit(const integer_layout *l, const integer_part *p, int64_t row,
                         int64_t rows, int64_t lane, int64_t step, const void *results)
{
    const integer_conv *c = &l->conv;
    const int64_t bytes = result_bytes(l);
    const char *from = results;
    char *y = c->to_sums ? (char *)c->sums : (char *)c->y;
    int64_t used = divide_up(l->line_pixels, l->fold);
    for (int64_t end = row + rows; row < end;) {
        int64_t line = row / l->line_rows, at = row - line * l->line_rows;
        int64_t next = smaller((line + 1) * l->line_rows, end);
        int64_t count = smaller(next - row, used - at);
        int64_t image = (p->line + line) / l->period;
        int64_t oy = p->line + line - image * l->period;
        if (count > 0 && oy < l->height) {
            int64_t pixel = (image * l->height + oy) * l->line_pixels + at * l->fold;
            put_rows(l, y + (pixel * c->y_pitch + p->group * l->outputs) * bytes,
                     at * l->fold, count, lane, step, from);
        }
        from += (next - row) * step * bytes;
        row = next;
    }
}

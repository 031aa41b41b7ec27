/* SPDX-License-Identifier: GPL-3.0-or-later
   prune_pattern.c -- weights that go or stay together: blocks, and N of each M inputs.
   It ranks nothing across blocks: see prune.c. */
#include "compress/prune_parts.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_MOST = 64 }; /* elements */

static status read_size(const char **text, const char *whole, int64_t *size, error *e)
{
    char *end;
    long n = strtol(*text, &end, 10);
    if (end == *text || **text < '0' || **text > '9' || n < 1 || n > BLOCK_MOST) {
        fail(e, E_USAGE, "prune: there is no kind '%.40s'", whole);
        return fail_hint(e,
                         "say weight, channel, outputs x inputs as in 4x1 or 1x4 (of 1 "
                         "to 64), or 2:4: of four inputs two stay");
    }
    *size = n;
    *text = end;
    return E_OK;
}

status prune_pattern_read(prune_pattern *pattern, const char *text, error *e)
{
    const char *at = text;
    int64_t first, second;
    *pattern = (prune_pattern){1, 1, 0};
    if (strcmp(text, "weight") == 0)
        return E_OK;
    TRY(read_size(&at, text, &first, e));
    char sign = *at;
    at += sign == 'x' || sign == ':';
    TRY(read_size(&at, text, &second, e));
    if (*at)
        return read_size(&at, text, &second, e);
    if (sign == ':')
        *pattern = (prune_pattern){1, second, first};
    else
        *pattern = (prune_pattern){first, second, 0};
    if (sign == ':' && first >= second)
        return fail(e, E_RANGE, "prune: a pattern %s keeps all, wanted N below M", text);
    if (sign != ':' && first > 1 && second > 1)
        return fail(e, E_RANGE, "prune: blocks of %s, wanted 1 output or 1 input", text);
    return E_OK;
}

double prune_pattern_amount(const prune_pattern *pattern)
{
    return (double)(pattern->inputs - pattern->keep) / (double)pattern->inputs;
}

static int64_t divided_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Elements of one output, and input channels of one tap. */
static int64_t row_length(const parameter *p)
{
    return tensor_count(p->data) / tensor_shape(p->data).dim[0];
}

static int64_t channel_count(const parameter *p)
{
    shape s = tensor_shape(p->data);
    return s.rank > 1 ? s.dim[s.rank - 1] : 1;
}

int64_t block_count(const prune_pattern *pattern, const parameter *p)
{
    int64_t channels = channel_count(p);
    if (pattern->outputs > 1)
        return divided_up(tensor_shape(p->data).dim[0], pattern->outputs) * row_length(p);
    return tensor_count(p->data) / channels * divided_up(channels, pattern->inputs);
}

block block_at(const prune_pattern *pattern, const parameter *p, int64_t i)
{
    if (pattern->outputs == 1 && pattern->inputs == 1)
        return (block){i, 1, 1};
    if (pattern->outputs > 1) {
        int64_t row = row_length(p), output = i / row * pattern->outputs;
        int64_t left = tensor_shape(p->data).dim[0] - output;
        return (block){output * row + i % row, row,
                       left < pattern->outputs ? left : pattern->outputs};
    }
    int64_t channels = channel_count(p), each = divided_up(channels, pattern->inputs);
    int64_t channel = i % each * pattern->inputs, left = channels - channel;
    return (block){i / each * channels + channel, 1,
                   left < pattern->inputs ? left : pattern->inputs};
}

uint8_t *parameter_mask(parameter *p, error *e)
{
    if (p->mask)
        return tensor_write(p->mask, e);
    tensor *mask = tensor_new(DTYPE_U8, tensor_shape(p->data), e);
    uint8_t *data = mask ? tensor_write(mask, e) : NULL;
    if (!data) {
        tensor_free(mask);
        return NULL;
    }
    memset(data, 1, (size_t)tensor_count(p->data));
    p->mask = mask;
    return data;
}

/* How many others of the block come before element K. */
static int64_t rank_of(const block *b, int64_t k, const float *score, const uint8_t *mask)
{
    int64_t before = 0, own = b->first + k * b->step;
    for (int64_t i = 0; i < b->count; i++) {
        int64_t other = b->first + i * b->step;
        bool larger = score[other] > score[own] || (score[other] == score[own] && i > k);
        before += i != k && mask[other] && larger;
    }
    return before;
}

status keep_largest(const prune_pattern *pattern, parameter *p, const float *score,
                    error *e)
{
    uint8_t *mask = parameter_mask(p, e);
    float *data = mask ? tensor_write_f32(p->data, e) : NULL;
    if (!data)
        return E_MEMORY;
    for (int64_t i = 0; i < block_count(pattern, p); i++) {
        block b = block_at(pattern, p, i);
        bool goes[BLOCK_MOST];
        for (int64_t k = 0; k < b.count; k++)
            goes[k] = rank_of(&b, k, score, mask) >= pattern->keep;
        for (int64_t k = 0; k < b.count; k++)
            if (goes[k]) {
                mask[b.first + k * b.step] = 0;
                data[b.first + k * b.step] = 0.0f;
            }
    }
    return E_OK;
}

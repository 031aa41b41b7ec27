/* SPDX-License-Identifier: GPL-3.0-or-later
   unet_sid.c -- the U-Net that learns to see in the dark, and its lighter forms: packed
   Bayer frames in, RGB at twice the size out.  Parameters carry the names of the published
   PyTorch modules.

   With c[i] = channels * 2^i, over L levels:
     d.i   max-pool 2 (not the first), then two convolutions to c[i]
     t.k   i = L-2-k: transposed convolution 2x2 to c[i] at twice the size, joined before
           the skip;  u.k  two convolutions 2 c[i] -> c[i]
     out   1x1 convolution, and pixels for channels
   Each convolution is 3x3 with bias before a leaky ReLU: whole, separable (depthwise, then
   1x1, nothing between), or a Fire module (1x1 to an eighth, ReLU, then 1x1 and 3x3 to one
   half each, joined).
   Sources: Chen, Chen, Xu, Koltun 2018, arXiv:1805.01934; Howard et al. 2017,
   arXiv:1704.04861; Iandola et al. 2016, arXiv:1602.07360. */
#include <stdio.h>

#include "zoo/architecture.h"
#include "zoo/builder.h"

#define LEVELS_MAX     8
#define STAGE_NAME_MAX 32

static const option options[] = {
    {"channels", OPTION_INTEGER, "8..128", "32", NULL,
     "width of the first level; it doubles from level to level"},
    {"levels", OPTION_INTEGER, "1..8", "5", NULL, "how many levels there are"},
    {"size", OPTION_INTEGER, "1..4096", "128", "pixels",
     "height and width of the packed frames; the output has twice as many"},
    {"inputs", OPTION_INTEGER, "1..64", "4", NULL, "channels of the input"},
    {"outputs", OPTION_INTEGER, "1..64", "3", NULL, "channels of the output"},
    {NULL, OPTION_FLAG, NULL, NULL, NULL, NULL},
};

typedef enum layer_kind { WHOLE, SEPARABLE, FIRE } layer_kind;

/* What the two convolutions of every stage are. */
typedef struct form {
    const char *name;
    layer_kind layers[2];
} form;

static void fire(builder *b, const char *name, int64_t channels)
{
    const attributes none = of_nothing();
    const int64_t half = channels / 2;
    builder_add(b, "conv2d", of_convolution(channels / 8, 1, 1, true), "%s.s", name);
    builder_add(b, "relu", none, "%s.relu", name);
    const int squeezed = b->x;
    builder_add(b, "conv2d", of_convolution(half, 1, 1, true), "%s.e1", name);
    const int first = b->x;
    b->x = squeezed;
    builder_add(b, "conv2d", of_convolution(channels - half, 3, 1, true), "%s.e3", name);
    const int third = b->x;
    b->x = first;
    builder_join(b, "concat", none, third, "%s.join", name);
}

/* NUMBER: that of the published sequence, where the leaky ReLUs count. */
static void layer(builder *b, layer_kind kind, const char *stage, int number,
                  int64_t inputs, int64_t channels)
{
    char name[STAGE_NAME_MAX];
    snprintf(name, sizeof name, "%s.%d", stage, number);
    if (kind == FIRE) {
        fire(b, name, channels);
    } else if (kind == SEPARABLE) {
        builder_add(b, "conv2d", of_depthwise(inputs, 3, 1, true), "%s.0", name);
        builder_add(b, "conv2d", of_convolution(channels, 1, 1, true), "%s.1", name);
    } else {
        builder_add(b, "conv2d", of_convolution(channels, 3, 1, true), "%s", name);
    }
    builder_add(b, "leaky_relu", (attributes){.slope = 0.2}, "%s.%d", stage, number + 1);
}

static void two_layers(builder *b, const form *f, const char *half, int number,
                       int64_t inputs, int64_t channels)
{
    char stage[STAGE_NAME_MAX];
    snprintf(stage, sizeof stage, "%s.%d", half, number);
    layer(b, f->layers[0], stage, 0, inputs, channels);
    layer(b, f->layers[1], stage, 2, channels, channels);
}

static void up(builder *b, const form *f, int number, int skip, int64_t channels)
{
    attributes twice = of_convolution(channels, 2, 2, true);
    twice.padding[1] = twice.padding[2] = 0;
    builder_add(b, "conv_transpose2d", twice, "t.%d", number);
    builder_join(b, "concat", of_nothing(), skip, "join.%d", number);
    two_layers(b, f, "u", number, 2 * channels, channels);
}

static model *build(const form *f, const option_set *set, error *e)
{
    const int levels = (int)option_integer(set, "levels");
    const int64_t size = option_integer(set, "size"), step = INT64_C(1) << (levels - 1);
    const int64_t first = option_integer(set, "channels");
    const int64_t inputs = option_integer(set, "inputs");
    int skips[LEVELS_MAX];
    builder b = builder_begin(shape_of(3, size, size, inputs), e);
    if (size % step != 0)
        builder_fail(&b, "%s: %lld pixels halved %d times, wanted a multiple of %lld",
                     f->name, (long long)size, levels - 1, (long long)step);
    for (int i = 0; i < levels; i++) {
        int64_t channels = first << i;
        if (i > 0)
            builder_add(&b, "max_pool2d", of_pool(2, 2, 0), "pool.%d", i);
        two_layers(&b, f, "d", i, i > 0 ? channels / 2 : inputs, channels);
        skips[i] = b.x;
    }
    for (int i = levels - 2; i >= 0; i--)
        up(&b, f, levels - 2 - i, skips[i], first << i);
    builder_add(&b, "conv2d",
                of_convolution(4 * option_integer(set, "outputs"), 1, 1, true), "out");
    builder_add(&b, "pixel_shuffle", (attributes){.factor = 2}, "shuffle");
    return builder_finish(&b);
}

static model *build_sid(const option_set *set, error *e)
{
    return build(&(form){"unet-sid", {WHOLE, WHOLE}}, set, e);
}

static model *build_light(const option_set *set, error *e)
{
    return build(&(form){"unet-light", {WHOLE, SEPARABLE}}, set, e);
}

static model *build_lighter(const option_set *set, error *e)
{
    return build(&(form){"unet-lighter", {SEPARABLE, SEPARABLE}}, set, e);
}

static model *build_fire(const option_set *set, error *e)
{
    return build(&(form){"unet-fire", {FIRE, FIRE}}, set, e);
}

const architecture arch_unet_sid = {
    .name = "unet-sid",
    .summary = "U-Net from dark Bayer frames to bright images",
    .options = options,
    .source = "Chen, Chen, Xu, Koltun 2018, arXiv:1805.01934",
    .build = build_sid,
};

const architecture arch_unet_light = {
    .name = "unet-light",
    .summary = "unet-sid, the second convolution of each stage depthwise separable",
    .options = options,
    .source = "Chen, Chen, Xu, Koltun 2018, arXiv:1805.01934; Howard et al. 2017, "
              "arXiv:1704.04861",
    .build = build_light,
};

const architecture arch_unet_lighter = {
    .name = "unet-lighter",
    .summary = "unet-sid, both convolutions of each stage depthwise separable",
    .options = options,
    .source = "Chen, Chen, Xu, Koltun 2018, arXiv:1805.01934; Howard et al. 2017, "
              "arXiv:1704.04861",
    .build = build_lighter,
};

const architecture arch_unet_fire = {
    .name = "unet-fire",
    .summary = "unet-sid, each 3x3 convolution a Fire module",
    .options = options,
    .source = "Chen, Chen, Xu, Koltun 2018, arXiv:1805.01934; Iandola et al. 2016, "
              "arXiv:1602.07360",
    .build = build_fire,
};

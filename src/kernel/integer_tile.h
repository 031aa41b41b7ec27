/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_tile.h -- one tile of the convolution on codes, for the instruction sets that
   have their own.  Kept between the files of integer. */
#ifndef LATHE_KERNEL_INTEGER_TILE_H
#define LATHE_KERNEL_INTEGER_TILE_H

#include "kernel/integer.h"

#define INTEGER_TILE_PIXELS   32
#define INTEGER_TILE_CHANNELS 64

/* COUNT output pixels from PIXEL on, CHANNELS output channels from CHANNEL on, all of
   them in one group; at most INTEGER_TILE_PIXELS and INTEGER_TILE_CHANNELS. */
typedef struct integer_tile {
    int64_t pixel, count, group, channel, channels;
} integer_tile;

extern const bool integer_has_vnni; /* is it in this build? */
void integer_tile_vnni(const integer_conv *c, integer_tile t);

#endif

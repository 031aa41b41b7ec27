/* SPDX-License-Identifier: GPL-3.0-or-later
   model_file.h -- a model as one .safetensors file: any safetensors reader opens it.
   `__metadata__` holds the graph as JSON under the key "lathe".  Source of the format:
   https://github.com/huggingface/safetensors (README, "Format").

   How a parameter NAME is stored, outside's layout (O,I,kH,kW):
     plain      NAME            F32
     pruned     NAME.bitmap     U8, one bit an element, lowest bit first, 1 = kept
                NAME.values     F32, the kept elements in order
                (where that is smaller than the plain form; else plain, the mask being
                what is not 0, or NAME.bitmap beside it where some kept element is 0)
     quantized  NAME            I8 codes (b-bit codes packed, lowest bits first, where
                                bits < 8: U8), with NAME.scale F32 and
                NAME.zero_point I32 (left out where all are 0); biases I32.
                Above 8 bits I16 codes, packed below 16.  Scales of groups stand channel by
                channel, groups run over lathe's order (O,kH,kW,I)
     codebook   the same, and NAME.codebook F32, what each code means
     both       NAME.bitmap and NAME.values as codes, packed where bits < 8 */
#ifndef LATHE_FORMAT_MODEL_FILE_H
#define LATHE_FORMAT_MODEL_FILE_H

#include "base/error.h"
#include "graph/model.h"
#include "train/trainer.h"

status model_write(const model *m, const char *path, error *e); /* atomic */
model *model_read(const char *path, error *e);                  /* checks everything */
/* The same from LENGTH bytes in memory, which WHO names in messages. */
model *model_parse(const void *bytes, size_t length, const char *who, error *e);
/* Bytes of the file that model_write would write, by the same code; -1 on failure. */
int64_t model_file_bytes(const model *m, error *e);
/* Writes to a temporary file, reads it back: what the file really holds. */
model *model_roundtrip(const model *m, int64_t *bytes, error *e);

/* A checkpoint: state and settings of a training that can go on to the same bits.
   COMMAND is the command line that began it. */
status checkpoint_write(const train_state *s, const train_settings *t,
                        const char *command, const char *path, error *e);
/* Fills S (free with train_clear), T and *COMMAND (caller frees; may be NULL). */
status checkpoint_read(const char *path, train_state *s, train_settings *t,
                       char **command, error *e);

#endif

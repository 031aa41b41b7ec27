/* SPDX-License-Identifier: GPL-3.0-or-later
   model_parts.h -- what model files and checkpoints share: one model as JSON and tensors
   within a container that may hold others.  Nobody outside format/ reads it. */
#ifndef LATHE_FORMAT_MODEL_PARTS_H
#define LATHE_FORMAT_MODEL_PARTS_H

#include <jansson.h>
#include "base/error.h"
#include "format/safetensors.h"
#include "graph/model.h"

/* T in the outside world's layout, and back: new, or shared where nothing moves. */
tensor *tensor_to_outside(const tensor *t, error *e);
tensor *tensor_from_outside(const tensor *t, error *e);

/* Adds to OBJECT how P is stored, and its tensors to L under PREFIX and its name.
   TWIN (may be NULL) is a parameter of the same place that is in the file already: where
   both share their tensors only a word says so.  P must outlive L. */
status parameter_put(const parameter *p, const parameter *twin, const char *prefix,
                     json_t *object, safetensors_layout *l, error *e);
/* Fills data, mask, codes and quantizer of P, whose name is known. */
status parameter_get(const safetensors *f, const json_t *object, const parameter *twin,
                     const char *prefix, parameter *p, error *e);

/* The same for a whole model; TWIN as above, or NULL. */
status model_put(const model *m, const model *twin, const char *prefix, json_t *object,
                 safetensors_layout *l, error *e);
model *model_get(const safetensors *f, const json_t *object, const model *twin,
                 const char *prefix, error *e);

/* Gives L its metadata: OBJECT under KEY.  And back: a new object, NULL with E_FORMAT. */
status layout_finish(safetensors_layout *l, const char *key, const json_t *object,
                     error *e);
json_t *metadata_object(const safetensors *f, const char *key, const char *who, error *e);

/* Is OBJECT's KEY a version that this program reads (1 .. NEWEST)? */
status check_version(const json_t *object, const char *key, int newest, error *e);

#endif

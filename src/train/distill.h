/* SPDX-License-Identifier: GPL-3.0-or-later
   distill.h -- a student that learns from what a teacher answers to the very batch that it
   sees itself, augmented as it is:

     loss = (1 - alpha) L(y, target) + alpha D(y, z) + beta mean (adapter(h) - k)^2

   y, z: outputs of student and teacher; D is T^2 KL(softmax(z/T) || softmax(y/T)) where L
   wants labels, else L(y, z); h, k: inner values of both.  Where L is masked, so are all.
   Validation is by L alone.
   Source: Hinton et al. 2015, arXiv:1503.02531; Romero et al. 2015, arXiv:1412.6550. */
#ifndef LATHE_TRAIN_DISTILL_H
#define LATHE_TRAIN_DISTILL_H

#include "engine/plan.h"
#include "train/trainer.h"

/* TEACHER is borrowed.  Values are of their graphs: the adapted one of the student and
   that of the teacher that it is to equal, or both -1.  E_SHAPE where the teacher's value
   is not f32. */
distiller *distiller_new(const model *teacher, int student_value, int teacher_value,
                         error *e);
void distiller_free(distiller *s); /* NULL is fine */

/* The student's value whose gradient distiller_judge writes, or -1. */
int distiller_value(const distiller *s);

/* The teacher's answer to samples INDEX[0..n-1], which were brought to INPUT for
   STUDENT, varied by SEED and EPOCH. */
status distiller_look(distiller *s, const model *student, const dataset *d, uint64_t seed,
                      int64_t epoch, const int64_t *index, int64_t n, const float *input,
                      error *e);

/* After the student's forward in P: *LOSS and the gradient of P's output are those of L
   and become those of the sum.  VALID as the loss takes it.  E_SHAPE where both put out
   different things. */
status distiller_judge(distiller *s, const train_settings *t, const float *valid, plan *p,
                       double *loss, error *e);

/* Puts an adapter behind VALUE of student G, for input shape IN: a 1x1 convolution (or
   linear layer) to the channels of TEACHER's value, resized to its pixels where these
   differ.  *ADAPTED is its value, which nobody else reads.  E_SHAPE where that cannot be. */
status distill_attach(graph *g, int value, const graph *teacher, int teacher_value,
                      shape in, uint64_t seed, int *adapted, error *e);
int distill_adapted(const graph *g); /* the adapter's value, or -1 */
status distill_detach(graph *g, error *e);

#endif

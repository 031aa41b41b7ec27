/* SPDX-License-Identifier: GPL-3.0-or-later
   table.c -- the table of commands, and nothing else. */
#include "ui/command/command.h"

#include "base/text.h"

static const command *const commands[] = {
    &command_bench,       &command_bisect,  &command_compare,     &command_copy,
    &command_data,        &command_diff,    &command_distill,     &command_doctor,
    &command_drop,        &command_edit,    &command_eval,        &command_export,
    &command_fuse,        &command_goal,    &command_help,        &command_history,
    &command_input,       &command_let,     &command_list,        &command_load,
    &command_log,         &command_lowrank, &command_model,       &command_pareto,
    &command_plan,        &command_plot,    &command_prune,       &command_quantize,
    &command_quit,        &command_recipe,  &command_redo,        &command_rename,
    &command_report,      &command_run,     &command_runs,        &command_save,
    &command_save_screen, &command_screen,  &command_sensitivity, &command_separate,
    &command_session,     &command_set,     &command_show,        &command_source,
    &command_split,       &command_sweep,   &command_tour,        &command_train,
    &command_tune,        &command_undo,    &command_verify,      &command_why,
};

const command *command_at(int i)
{
    return i >= 0 && i < (int)(sizeof commands / sizeof *commands) ? commands[i] : NULL;
}

const command *command_find(const char *name)
{
    for (int i = 0; command_at(i); i++)
        if (text_equal(commands[i]->name, name))
            return commands[i];
    return NULL;
}

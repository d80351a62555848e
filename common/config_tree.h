/* What config.c builds and config_print.c prints: the checked tree. Not for servers. */
#ifndef WIRELAB_CONFIG_TREE_H
#define WIRELAB_CONFIG_TREE_H

#include "config.h"

/* One row of a section's table, with what the file has for it, or its default. */
struct config_entry {
    const struct config_key *key;
    struct config_value *values;
    size_t count;
    bool in_file;
    const struct config_section **sections; /* where the key is a section */
    size_t section_count;
};

struct config_section {
    const struct config_key *key; /* its own row; NULL: the file itself */
    const struct config_section *parent;
    bool titled;
    struct config_value title;
    struct config_place place;
    const struct config_key *keys; /* its table */
    struct config_entry *entries;  /* of what is in the file: there may be a hundred thousand such sections */
    size_t entry_count;
    const struct config_entry *defaults; /* one a row of the table */
};

/* The defaults of a table, for all sections that have it. */
struct config_defaults {
    struct config_defaults *next;
    const struct config_key *keys;
    struct config_entry *entries;
};

struct config_note {
    struct config_note *next;
    struct config_place place;
    char *path; /* "dhcpd > subnet "192.168.1.0/24" > pool", may be empty */
    char *message;
    char *right; /* may be NULL */
};

struct config {
    char *path, *directory;
    struct span text;
    const char *blanked; /* the same without comments, and without what is wrong */
    struct arena arena;
    const struct config_key *keys;
    struct config_section *root;
    struct config_defaults *defaults;
    struct config_note *problems, *warnings; /* in the order of the file */
    size_t problem_count;
    bool failed; /* out of memory: reported without a note */
};

/* What the section has for this row of its table: from the file, or the default. */
const struct config_entry *config_entry_of(const struct config_section *s, const struct config_key *row);

#endif

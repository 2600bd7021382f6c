// Marks shared by the corpus programs: what the module exports, what it imports, what stays a function.
//
// EXPORT(name)    an exported function under its own name, never inlined into its callers in this module.
// IMPORT(name)    a function the host provides as `env.name`.
// INTERNAL        a function of the module that has to survive as a call (noinline), but is not exported.
#ifndef CORPUS_FIRMWARE_H
#define CORPUS_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((noinline, used, export_name(#name))) name
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) name
#define INTERNAL static __attribute__((noinline))

#endif

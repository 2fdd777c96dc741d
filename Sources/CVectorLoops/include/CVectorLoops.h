// Hot loops in C: Swift cannot compile one function for several instruction sets, and these are bound by vector width.
#pragma once
#include "instruction_set.h"
#include "loop_types.h"

#define GRAFT_LOOP(result, name, parameters, arguments) result name parameters;
#include "loop_list.h"
#undef GRAFT_LOOP

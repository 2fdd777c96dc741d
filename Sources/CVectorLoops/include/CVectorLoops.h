#pragma once
#include "optimizer_loops.h"

// Optimizer updates and the gradient norm over flat float32 arrays.
// Arrays passed to one call must not overlap. Every call is single-threaded, allocates nothing and cannot fail.
#pragma once
#include <stdbool.h>
#include <stddef.h>

// One stochastic-gradient step, as torch.optim.SGD with dampening 0:
//   g = gradient_scale * gradient + weight_decay * parameter
//   buffer = momentum * buffer + g                (a zeroed buffer gives torch's first step, buffer = g)
//   parameter -= rate * (nesterov ? g + momentum * buffer : buffer)
// momentum_buffer may be NULL: then parameter -= rate * g.
void graft_sgd_update(float *parameters, const float *gradients, float *momentum_buffer, size_t count,
                      float gradient_scale, float rate, float momentum, bool nesterov, float weight_decay);

// The numbers of one AdamW step, worked out in double precision by the caller.
typedef struct {
    float gradient_scale;
    float keep;              // 1 - rate * weight_decay: decoupled decay, multiplied into the parameter
    float first_gain;        // 1 - beta1
    float beta2;
    float second_gain;       // 1 - beta2
    float step_size;         // rate / (1 - beta1^t)
    float correction_root;   // sqrt(1 - beta2^t)
    float epsilon;
} graft_adamw_step;

// One AdamW step, as torch.optim.AdamW:
//   first += (g - first) * (1 - beta1);  second = beta2 * second + (1 - beta2) * g * g
//   parameter = keep * parameter - step_size * first / (sqrt(second) / correction_root + epsilon)
void graft_adamw_update(float *parameters, const float *gradients, float *first_moment, float *second_moment, size_t count,
                        graft_adamw_step step);

// The sum of the squares, accumulated in double precision in an order that does not depend on the processor.
double graft_squared_norm(const float *values, size_t count);

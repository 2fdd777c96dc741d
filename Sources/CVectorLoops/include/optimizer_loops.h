// Optimizer updates and the gradient norm over flat float32 arrays. Arrays passed to one call must not overlap. Every call is
// single-threaded, allocates nothing and cannot fail. Updates return whether all parameters (and averages of squares) are finite
// afterwards; a gradient that is no number makes its parameter none.

/// One stochastic-gradient step, as torch.optim.SGD with dampening 0:
///   g = gradient_scale · gradient + weight_decay · parameter
///   buffer = momentum · buffer + g                (a zeroed buffer gives torch's first step, buffer = g)
///   parameter −= rate · (nesterov ? g + momentum · buffer : buffer)
/// `momentum_buffer` may be null: then parameter −= rate · g.
GRAFT_LOOP(bool, graft_sgd_update,
           (float *parameters, const float *gradients, float *momentum_buffer, size_t count, float gradient_scale, float rate,
            float momentum, bool nesterov, float weight_decay),
           (parameters, gradients, momentum_buffer, count, gradient_scale, rate, momentum, nesterov, weight_decay))
/// One step, as torch.optim.Adam and AdamW:
///   g = gradient_scale · gradient + weight_decay · parameter
///   first += (g − first) · (1 − beta1);  second = beta2 · second + (1 − beta2) · g · g
///   parameter = keep · parameter − step_size · first / (√second / correction_root + epsilon)
GRAFT_LOOP(bool, graft_adam_update,
           (float *parameters, const float *gradients, float *first_moment, float *second_moment, size_t count, graft_adam_step step),
           (parameters, gradients, first_moment, second_moment, count, step))
/// One step of RMSprop, as torch.optim.RMSprop, or as TensorFlow's, which timm repeats as RMSpropTF:
///   g = gradient_scale · gradient + weight_decay · parameter;  square = alpha · square + (1 − alpha) · g · g
///   torch: d = g / (√square + epsilon);  buffer = momentum · buffer + d;  parameter −= rate · buffer
///   TensorFlow: d = g / √(square + epsilon);  buffer = momentum · buffer + rate · d;  parameter −= buffer
GRAFT_LOOP(bool, graft_rmsprop_update,
           (float *parameters, const float *gradients, float *squares, float *momentum_buffer, size_t count, graft_rmsprop_step step),
           (parameters, gradients, squares, momentum_buffer, count, step))
/// The sum of the squares, accumulated in double precision in an order that does not depend on the processor.
GRAFT_LOOP(double, graft_squared_norm, (const float *values, size_t count), (values, count))

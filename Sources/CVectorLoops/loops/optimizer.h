// The optimizers' inner loops. They are C because the Swift compiler can neither promise the vectorizer that pointers do
// not overlap nor build one function for several instruction sets.
//
// Multiplications and additions are never fused here: every rank updates its own copy of the weights, so ranks on
// processors with and without FMA must round alike. The loops wait for memory, so this costs nothing.

// A float's bits without its sign, as an integer: larger is larger, and what is no number is largest of all.
GRAFT_INLINE int32_t magnitude_bits(float value) {
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x7FFFFFFF;
}

GRAFT_INLINE int32_t larger(int32_t one, int32_t other) { return one > other ? one : other; }

enum { bits_of_infinity = 0x7F800000 };

bool GRAFT_AT(graft_sgd_update)(float *restrict parameters, const float *restrict gradients, float *restrict momentum_buffer, size_t count,
                      float gradient_scale, float rate, float momentum, bool nesterov, float weight_decay) {
#pragma clang fp contract(off)
    int32_t largest = 0;
    // Three loops, so that no iteration branches.
    if (!momentum_buffer) {
        for (size_t i = 0; i < count; i++) {
            float gradient = gradient_scale * gradients[i] + weight_decay * parameters[i];
            parameters[i] -= rate * gradient;
            largest = larger(largest, magnitude_bits(parameters[i]));
        }
    } else if (nesterov) {
        for (size_t i = 0; i < count; i++) {
            float gradient = gradient_scale * gradients[i] + weight_decay * parameters[i];
            float velocity = momentum * momentum_buffer[i] + gradient;
            momentum_buffer[i] = velocity;
            parameters[i] -= rate * (gradient + momentum * velocity);
            largest = larger(largest, magnitude_bits(parameters[i]));
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            float gradient = gradient_scale * gradients[i] + weight_decay * parameters[i];
            float velocity = momentum * momentum_buffer[i] + gradient;
            momentum_buffer[i] = velocity;
            parameters[i] -= rate * velocity;
            largest = larger(largest, magnitude_bits(parameters[i]));
        }
    }
    return largest < bits_of_infinity;
}

bool GRAFT_AT(graft_adam_update)(float *restrict parameters, const float *restrict gradients, float *restrict first_moment,
                        float *restrict second_moment, size_t count, graft_adam_step step) {
#pragma clang fp contract(off)
    int32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        float gradient = step.gradient_scale * gradients[i] + step.weight_decay * parameters[i];
        float first = first_moment[i] + (gradient - first_moment[i]) * step.first_gain;
        float second = step.beta2 * second_moment[i] + step.second_gain * gradient * gradient;
        first_moment[i] = first;
        second_moment[i] = second;
        parameters[i] = step.keep * parameters[i] - step.step_size * (first / (sqrtf(second) / step.correction_root + step.epsilon));
        // A second moment that has overflowed would leave its parameter where it is for ever.
        largest = larger(largest, larger(magnitude_bits(parameters[i]), magnitude_bits(second)));
    }
    return largest < bits_of_infinity;
}

bool GRAFT_AT(graft_rmsprop_update)(float *restrict parameters, const float *restrict gradients, float *restrict squares,
                                    float *restrict momentum_buffer, size_t count, graft_rmsprop_step step) {
#pragma clang fp contract(off)
    int32_t largest = 0;
    if (step.as_tensorflow) {
        for (size_t i = 0; i < count; i++) {
            float gradient = step.gradient_scale * gradients[i] + step.weight_decay * parameters[i];
            // The average is moved towards the square, as TensorFlow does: rounded otherwise than torch's.
            squares[i] += (gradient * gradient - squares[i]) * step.gain;
            momentum_buffer[i] = step.momentum * momentum_buffer[i] + step.rate * (gradient / sqrtf(squares[i] + step.epsilon));
            parameters[i] -= momentum_buffer[i];
            largest = larger(largest, larger(magnitude_bits(parameters[i]), magnitude_bits(squares[i])));
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            float gradient = step.gradient_scale * gradients[i] + step.weight_decay * parameters[i];
            squares[i] = step.alpha * squares[i] + step.gain * gradient * gradient;
            momentum_buffer[i] = step.momentum * momentum_buffer[i] + gradient / (sqrtf(squares[i]) + step.epsilon);
            parameters[i] -= step.rate * momentum_buffer[i];
            largest = larger(largest, larger(magnitude_bits(parameters[i]), magnitude_bits(squares[i])));
        }
    }
    return largest < bits_of_infinity;
}

// Independent sums: enough to hide the latency of an addition on any vector width, and always the same order.
enum { norm_lanes = 32 };

double GRAFT_AT(graft_squared_norm)(const float *values, size_t count) {
#pragma clang fp contract(off)
    double sums[norm_lanes] = {0};
    size_t whole = count / norm_lanes * norm_lanes;
    for (size_t i = 0; i < whole; i += norm_lanes) {
        for (size_t lane = 0; lane < norm_lanes; lane++) {
            double value = values[i + lane];
            sums[lane] += value * value;
        }
    }
    for (size_t i = whole; i < count; i++) {
        double value = values[i];
        sums[i - whole] += value * value;
    }
    double total = 0;
    for (size_t lane = 0; lane < norm_lanes; lane++) total += sums[lane];
    return total;
}

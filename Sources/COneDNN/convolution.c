// Convolutions, forward and backward.
#include "internal.h"
#if DNNL_VERSION_MAJOR >= 3
#include <stdlib.h>
#include <string.h>
#endif

/// Source, weights, bias and destination of one convolution. `weights` may be chosen by the primitive, activations are NHWC.
typedef struct {
    dnnl_memory_desc_t source, weights, bias, destination;
    dnnl_dims_t strides, dilates, before, after;
} convolution_parts;

static int describe(convolution_parts *parts, const graft_geometry *g, const graft_convolution_options *options) {
    GRAFT_TRY(graft_activation_descriptor(&parts->source, g->images, g->in_channels, g->in_height, g->in_width, options->source));
    GRAFT_TRY(graft_activation_descriptor(&parts->destination, g->images, g->out_channels, g->out_height, g->out_width,
                                          options->destination));
    GRAFT_TRY(graft_weight_descriptor(&parts->weights, g, options->weights, 0));
    dnnl_dims_t channels = {g->out_channels};
#if DNNL_VERSION_MAJOR >= 3
    GRAFT_TRY(dnnl_memory_desc_create_with_tag(&parts->bias, 1, channels, dnnl_f32, dnnl_a));
#else
    GRAFT_TRY(dnnl_memory_desc_init_by_tag(&parts->bias, 1, channels, dnnl_f32, dnnl_a));
#endif
    parts->strides[0] = parts->strides[1] = g->stride;
    parts->dilates[0] = parts->dilates[1] = 0;
    parts->before[0] = g->pad_top, parts->before[1] = g->pad_left;
    parts->after[0] = g->pad_bottom, parts->after[1] = g->pad_right;
    return dnnl_success;
}

static void drop(convolution_parts *parts) {
    GRAFT_DROP(parts->source);
    GRAFT_DROP(parts->weights);
    GRAFT_DROP(parts->bias);
    GRAFT_DROP(parts->destination);
}

static int append_sum(dnnl_post_ops_t chain, const graft_quantization *quantization) {
    float scale = quantization->scales ? quantization->residual_scale : 1.0f;
    dnnl_data_type_t type = quantization->scales ? graft_data_type(quantization->residual_type) : dnnl_data_type_undef;
#if DNNL_VERSION_MAJOR >= 3
    return (int)dnnl_post_ops_append_sum(chain, scale, 0, type);
#else
    return (int)dnnl_post_ops_append_sum_v2(chain, scale, type);
#endif
}

static int append_eltwise(dnnl_post_ops_t chain, dnnl_alg_kind_t kind, float alpha, float beta) {
#if DNNL_VERSION_MAJOR >= 3
    return (int)dnnl_post_ops_append_eltwise(chain, kind, alpha, beta);
#else
    return (int)dnnl_post_ops_append_eltwise(chain, 1.0f, kind, alpha, beta);
#endif
}

static int append_activation(dnnl_post_ops_t chain, const graft_convolution_options *options) {
    const graft_quantization *q = &options->quantization;
    switch (options->activation) {
    case graft_no_activation: return dnnl_success;
    case graft_relu: return append_eltwise(chain, dnnl_eltwise_relu, 0, 0);
    case graft_relu6: return append_eltwise(chain, dnnl_eltwise_clip, 0, q->scales ? 6 / q->destination_step : 6);
    case graft_silu: return append_eltwise(chain, dnnl_eltwise_swish, 1, 0);
    case graft_sigmoid: return append_eltwise(chain, dnnl_eltwise_logistic, 0, 0);
    case graft_hard_swish: return append_eltwise(chain, dnnl_eltwise_hardswish, 1.0f / 6, 0.5f);
    case graft_gelu: return append_eltwise(chain, dnnl_eltwise_gelu_erf, 0, 0);
    case graft_hard_sigmoid: { // oneDNN 2 has it only in two steps
        int status = append_eltwise(chain, dnnl_eltwise_linear, 1.0f / 6, 0.5f);
        return status == dnnl_success ? append_eltwise(chain, dnnl_eltwise_clip, 0, 1) : status;
    }
    }
    return dnnl_invalid_arguments;
}

static int append_epilogue(dnnl_primitive_attr_t attributes, const convolution_parts *parts, const graft_convolution_options *options) {
    dnnl_post_ops_t chain;
    GRAFT_TRY(dnnl_post_ops_create(&chain));
    int status = dnnl_success;
    if (options->residual == graft_residual_in_place) {
        status = append_sum(chain, &options->quantization);
    } else if (options->residual == graft_residual_apart) {
        status = (int)dnnl_post_ops_append_binary(chain, dnnl_binary_add, GRAFT_REF(parts->destination));
    }
    if (status == dnnl_success) status = append_activation(chain, options);
    if (status == dnnl_success) status = (int)dnnl_primitive_attr_set_post_ops(attributes, chain);
    dnnl_post_ops_destroy(chain);
    return status;
}

/// Tells oneDNN of an 8-bit convolution's factors: their numbers in 2.x, in 3.x only that there are some.
static int set_scales(dnnl_primitive_attr_t attributes, const graft_geometry *g, const graft_quantization *quantization) {
    if (!quantization->scales) return dnnl_success;
#if DNNL_VERSION_MAJOR >= 3
    return (int)dnnl_primitive_attr_set_scales_mask(attributes, DNNL_ARG_WEIGHTS, g->groups > 1 ? 3 : 1);
#else
    return (int)dnnl_primitive_attr_set_output_scales(attributes, g->out_channels, 1 << 1, quantization->scales);
#endif
}

void graft_quantized_bias(const graft_quantization *quantization, const float *bias, float *result, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float value = bias[i] / quantization->destination_step;
#if DNNL_VERSION_MAJOR >= 3
        result[i] = value;
#else
        result[i] = value / quantization->scales[i];
#endif
    }
}

#if DNNL_VERSION_MAJOR >= 3
/// Gives the kernel its own copy of the factors, which 3.x takes as an argument of every run.
static int add_scales(graft_engine *engine, graft_kernel *kernel, const float *scales, int64_t count) {
    kernel->scales = malloc((size_t)count * sizeof *scales);
    if (!kernel->scales) return dnnl_out_of_memory;
    memcpy(kernel->scales, scales, (size_t)count * sizeof *scales);
    dnnl_dims_t extents = {count};
    dnnl_memory_desc_t descriptor;
    GRAFT_TRY(dnnl_memory_desc_create_with_tag(&descriptor, 1, extents, dnnl_f32, dnnl_a));
    dnnl_memory_t memory;
    dnnl_status_t status = dnnl_memory_create(&memory, descriptor, engine->engine, kernel->scales);
    dnnl_memory_desc_destroy(descriptor);
    if (status == dnnl_success)
        kernel->arguments[kernel->argument_count++] = (dnnl_exec_arg_t){DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, memory};
    return (int)status;
}
#endif

static int forward_descriptor(graft_engine *engine, convolution_parts *p, int has_bias, dnnl_prop_kind_t kind,
                              dnnl_primitive_attr_t attributes, dnnl_primitive_desc_t *descriptor) {
    graft_md bias = has_bias ? GRAFT_REF(p->bias) : NULL;
#if DNNL_VERSION_MAJOR >= 3
    return (int)dnnl_convolution_forward_primitive_desc_create(descriptor, engine->engine, kind, dnnl_convolution_direct, p->source,
                                                               p->weights, bias, p->destination, p->strides, p->dilates, p->before,
                                                               p->after, attributes);
#else
    dnnl_convolution_desc_t operation;
    GRAFT_TRY(dnnl_convolution_forward_desc_init(&operation, kind, dnnl_convolution_direct, &p->source, &p->weights, bias,
                                                 &p->destination, p->strides, p->before, p->after));
    return (int)dnnl_primitive_desc_create(descriptor, &operation, attributes, engine->engine, NULL);
#endif
}

int graft_convolution_forward(graft_engine *engine, const graft_geometry *g, const graft_convolution_options *options,
                              graft_kernel **kernel) {
    convolution_parts parts;
    GRAFT_TRY(describe(&parts, g, options));
    dnnl_primitive_attr_t attributes;
    GRAFT_TRY(graft_attributes(&attributes));
    dnnl_primitive_desc_t descriptor;
    int status = append_epilogue(attributes, &parts, options);
    if (status == dnnl_success) status = set_scales(attributes, g, &options->quantization);
    if (status == dnnl_success)
        status = forward_descriptor(engine, &parts, options->has_bias, dnnl_forward_inference, attributes, &descriptor);
    int residual = DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1;
    dnnl_primitive_attr_destroy(attributes);
    drop(&parts);
    if (status != dnnl_success) return status;
    graft_role roles[] = {graft_source, graft_weights, graft_destination, graft_bias, graft_residual};
    int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS, residual};
    int count = options->residual == graft_residual_apart ? 5 : 4;
    status = graft_kernel_create(engine, descriptor, roles, arguments, count, kernel);
#if DNNL_VERSION_MAJOR >= 3
    if (status == dnnl_success && options->quantization.scales) {
        status = add_scales(engine, *kernel, options->quantization.scales, g->out_channels);
        if (status != dnnl_success) graft_kernel_destroy(*kernel);
    }
#endif
    return status;
}

int graft_convolution_backward_data(graft_engine *engine, const graft_geometry *g, const graft_convolution_options *types,
                                    graft_kernel **kernel) {
    convolution_parts p;
    GRAFT_TRY(describe(&p, g, types));
    dnnl_primitive_attr_t attributes;
    GRAFT_TRY(graft_attributes(&attributes));
    dnnl_primitive_desc_t hint = NULL, descriptor = NULL;
    int status = forward_descriptor(engine, &p, 0, dnnl_forward_training, attributes, &hint);
    if (status == dnnl_success) {
#if DNNL_VERSION_MAJOR >= 3
        status = (int)dnnl_convolution_backward_data_primitive_desc_create(&descriptor, engine->engine, dnnl_convolution_direct,
                                                                           p.source, p.weights, p.destination, p.strides, p.dilates,
                                                                           p.before, p.after, hint, attributes);
#else
        dnnl_convolution_desc_t operation;
        status = (int)dnnl_convolution_backward_data_desc_init(&operation, dnnl_convolution_direct, &p.source, &p.weights,
                                                               &p.destination, p.strides, p.before, p.after);
        if (status == dnnl_success)
            status = (int)dnnl_primitive_desc_create(&descriptor, &operation, attributes, engine->engine, hint);
#endif
        dnnl_primitive_desc_destroy(hint);
    }
    dnnl_primitive_attr_destroy(attributes);
    drop(&p);
    if (status != dnnl_success) return status;
    graft_role roles[] = {graft_destination_gradient, graft_weights, graft_source_gradient};
    int arguments[] = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC};
    return graft_kernel_create(engine, descriptor, roles, arguments, 3, kernel);
}

int graft_convolution_backward_weights(graft_engine *engine, const graft_geometry *g, const graft_convolution_options *types,
                                       graft_kernel **kernel) {
    convolution_parts p;
    GRAFT_TRY(describe(&p, g, types));
    // The forward convolution that is differentiated multiplies with weights of its source's type; their gradient may be wider.
    convolution_parts forward;
    graft_convolution_options forward_types = *types;
    forward_types.weights = types->source;
    GRAFT_TRY(describe(&forward, g, &forward_types));
    dnnl_primitive_attr_t attributes;
    GRAFT_TRY(graft_attributes(&attributes));
    dnnl_primitive_desc_t hint = NULL, descriptor = NULL;
    int status = forward_descriptor(engine, &forward, types->has_bias, dnnl_forward_training, attributes, &hint);
    if (status == dnnl_success) {
        graft_md bias = types->has_bias ? GRAFT_REF(p.bias) : NULL;
#if DNNL_VERSION_MAJOR >= 3
        status = (int)dnnl_convolution_backward_weights_primitive_desc_create(&descriptor, engine->engine, dnnl_convolution_direct,
                                                                              p.source, p.weights, bias, p.destination, p.strides,
                                                                              p.dilates, p.before, p.after, hint, attributes);
#else
        dnnl_convolution_desc_t operation;
        status = (int)dnnl_convolution_backward_weights_desc_init(&operation, dnnl_convolution_direct, &p.source, &p.weights, bias,
                                                                  &p.destination, p.strides, p.before, p.after);
        if (status == dnnl_success)
            status = (int)dnnl_primitive_desc_create(&descriptor, &operation, attributes, engine->engine, hint);
#endif
        dnnl_primitive_desc_destroy(hint);
    }
    dnnl_primitive_attr_destroy(attributes);
    drop(&p);
    drop(&forward);
    if (status != dnnl_success) return status;
    graft_role roles[] = {graft_source, graft_destination_gradient, graft_weights_gradient, graft_bias_gradient};
    int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_BIAS};
    return graft_kernel_create(engine, descriptor, roles, arguments, 4, kernel);
}

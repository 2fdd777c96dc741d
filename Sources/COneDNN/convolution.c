// Convolutions, forward and backward.
#include "internal.h"

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

static int append_epilogue(dnnl_primitive_attr_t attributes, const convolution_parts *parts, const graft_convolution_options *options) {
    dnnl_post_ops_t chain;
    GRAFT_TRY(dnnl_post_ops_create(&chain));
    dnnl_status_t status = dnnl_success;
    if (options->residual == graft_residual_in_place) {
#if DNNL_VERSION_MAJOR >= 3
        status = dnnl_post_ops_append_sum(chain, 1.0f, 0, dnnl_data_type_undef);
#else
        status = dnnl_post_ops_append_sum(chain, 1.0f);
#endif
    } else if (options->residual == graft_residual_apart) {
        status = dnnl_post_ops_append_binary(chain, dnnl_binary_add, GRAFT_REF(parts->destination));
    }
    dnnl_alg_kind_t kind = dnnl_eltwise_relu;
    float alpha = 0, beta = 0;
    switch (options->activation) {
    case graft_relu6: kind = dnnl_eltwise_clip, beta = 6; break;
    case graft_silu: kind = dnnl_eltwise_swish, alpha = 1; break;
    case graft_sigmoid: kind = dnnl_eltwise_logistic; break;
    default: break;
    }
    if (status == dnnl_success && options->activation != graft_no_activation) {
#if DNNL_VERSION_MAJOR >= 3
        status = dnnl_post_ops_append_eltwise(chain, kind, alpha, beta);
#else
        status = dnnl_post_ops_append_eltwise(chain, 1.0f, kind, alpha, beta);
#endif
    }
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, chain);
    dnnl_post_ops_destroy(chain);
    return (int)status;
}

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
    if (status == dnnl_success)
        status = forward_descriptor(engine, &parts, options->has_bias, dnnl_forward_inference, attributes, &descriptor);
    int residual = DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1;
    dnnl_primitive_attr_destroy(attributes);
    drop(&parts);
    if (status != dnnl_success) return status;
    graft_role roles[] = {graft_source, graft_weights, graft_destination, graft_bias, graft_residual};
    int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS, residual};
    int count = options->residual == graft_residual_apart ? 5 : 4;
    return graft_kernel_create(engine, descriptor, roles, arguments, count, kernel);
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

// oneDNN behind opaque handles. Its C API changed between 2.x and 3.x (operation descriptors gone, memory descriptors opaque) and
// distributions ship both, so everything that differs is kept in this target; Swift sees one interface.
//
// Every function that can fail returns oneDNN's status, 0 for success. Activations are NHWC, plain weights OIHW (or the same bytes
// with groups in front).
#pragma once
#include <stddef.h>
#include <stdint.h>

/// The CPU and its stream of work.
typedef struct graft_engine graft_engine;
/// A primitive with its memory: created once, bound to addresses, run many times.
typedef struct graft_kernel graft_kernel;

typedef enum { graft_float32, graft_bfloat16, graft_int8, graft_uint8, graft_int32 } graft_type;

/// What an address bound to a kernel is for.
typedef enum {
    graft_source, graft_weights, graft_bias, graft_destination, graft_residual, graft_scratchpad, graft_workspace,
    graft_source_gradient, graft_weights_gradient, graft_bias_gradient, graft_destination_gradient,
    graft_left, graft_right, graft_result,
    graft_role_count
} graft_role;

/// The extents of a convolution or pooling, in elements and pixels; `channels` in all groups together.
typedef struct {
    int64_t images, in_channels, in_height, in_width, out_channels, out_height, out_width;
    int64_t kernel_height, kernel_width, stride, pad_top, pad_left, pad_bottom, pad_right, groups;
} graft_geometry;

/// `count` products of matrices: result [rows][columns] = left [rows][inner] · right [inner][columns], or with `adds` added to what is there.
/// The strides are the elements from one matrix to the next. Factors are of one type, results float32.
typedef struct {
    int64_t count, rows, inner, columns, left_stride, right_stride, result_stride;
    /// Whether `left` lies in memory as [inner][rows], and `right` as [columns][inner].
    int left_is_transposed, right_is_transposed;
    int adds;
    /// Whether a bias [columns] is added to every row.
    int has_bias;
    graft_type type;
} graft_product;

typedef enum {
    graft_no_activation,
    graft_relu,
    graft_relu6,
    graft_silu,
    graft_sigmoid,
    graft_hard_swish,
    graft_hard_sigmoid,
    graft_gelu
} graft_activation;
typedef enum { graft_no_residual, graft_residual_in_place, graft_residual_apart } graft_residual_mode;
typedef enum { graft_max_pool, graft_average_pool_inside, graft_average_pool_padded } graft_pooling;

/// How an 8-bit convolution's sums of products become its destination.
typedef struct {
    /// One factor an output channel: (source's step · weights' step) / destination's step. Null for other convolutions.
    const float *scales;
    /// The destination's step: 1 where it is no integer.
    float destination_step;
    /// A residual that lies where the result goes: its type, and its step / destination's step.
    graft_type residual_type;
    float residual_scale;
} graft_quantization;

/// What a forward convolution does besides multiplying: element types, bias, then residual, then activation.
typedef struct {
    graft_type source, weights, destination;
    int has_bias;
    graft_residual_mode residual;
    graft_activation activation;
    graft_quantization quantization;
} graft_convolution_options;

int graft_engine_create(graft_engine **engine);
void graft_engine_destroy(graft_engine *engine);

int graft_convolution_forward(graft_engine *engine, const graft_geometry *geometry, const graft_convolution_options *options,
                              graft_kernel **kernel);
/// `types.destination` is the type of the gradient that comes in, `types.source` of the one that goes out.
int graft_convolution_backward_data(graft_engine *engine, const graft_geometry *geometry, const graft_convolution_options *types,
                                    graft_kernel **kernel);
int graft_convolution_backward_weights(graft_engine *engine, const graft_geometry *geometry, const graft_convolution_options *types,
                                       graft_kernel **kernel);
int graft_product_create(graft_engine *engine, const graft_product *product, graft_kernel **kernel);
/// `for_training` keeps what backward needs in the workspace.
int graft_pooling_forward(graft_engine *engine, const graft_geometry *geometry, graft_pooling kind, int for_training, graft_type type,
                          graft_kernel **kernel);
int graft_pooling_backward(graft_engine *engine, const graft_geometry *geometry, graft_pooling kind, graft_type type,
                           graft_kernel **kernel);
int graft_response_norm_forward(graft_engine *engine, const graft_geometry *geometry, int64_t size, float alpha, float beta, float k,
                                int for_training, graft_kernel **kernel);
int graft_response_norm_backward(graft_engine *engine, const graft_geometry *geometry, int64_t size, float alpha, float beta, float k,
                                 graft_kernel **kernel);

/// Copies plain weights, float32 or int8, into the format that `kernel` asks for: from graft_source to graft_destination.
int graft_pack_weights(graft_engine *engine, const graft_geometry *geometry, const graft_kernel *kernel, graft_type plain,
                       graft_kernel **packing);
/// The bias that an 8-bit convolution is to be bound to: oneDNN 2.x adds it before its scales, 3.x behind them.
void graft_quantized_bias(const graft_quantization *quantization, const float *bias, float *result, size_t count);
/// Copies the weight gradient of `kernel` back into plain float32: from graft_source to graft_destination.
int graft_unpack_weight_gradient(graft_engine *engine, const graft_geometry *geometry, const graft_kernel *kernel,
                                 graft_kernel **unpacking);
/// Whether two kernels keep their weights in the same format, so that they can share one packed copy.
int graft_same_weight_format(const graft_kernel *first, const graft_kernel *second);
/// Whether the kernel's weight gradient is plain OIHW already, so that nothing need be unpacked.
int graft_weight_gradient_is_plain(graft_engine *engine, const graft_geometry *geometry, const graft_kernel *kernel);

/// Bytes that the kernel wants for a role; 0 where it has no use for it.
size_t graft_kernel_bytes(const graft_kernel *kernel, graft_role role);
/// Gives the kernel an address for a role that it has; other roles are ignored.
void graft_kernel_bind(graft_kernel *kernel, graft_role role, void *address);
int graft_kernel_run(graft_engine *engine, graft_kernel *kernel);
/// oneDNN's name of the chosen implementation, as in `jit:avx512_core`; lives as long as the kernel.
const char *graft_kernel_implementation(const graft_kernel *kernel);
void graft_kernel_destroy(graft_kernel *kernel);

/// Sets the number of OpenMP threads that oneDNN uses when it is called from this thread.
void graft_set_threads(int count);

/// Runs `body` once on each of the `count` threads that run primitives when oneDNN is called from this thread.
void graft_on_every_thread(int count, void (*body)(void));
/// Levels of instructions that oneDNN can be held to.
typedef enum { graft_isa_sse41, graft_isa_avx2, graft_isa_avx512 } graft_isa;
/// Holds oneDNN to a level. Possible once, before anything else is asked of oneDNN; a nonzero status says that it was too late.
int graft_limit_isa(graft_isa most);
/// Whether oneDNN, as it is held, multiplies bfloat16 natively; and bytes, without adding pairs of products as int16 first.
int graft_multiplies_bfloat16(void);
int graft_multiplies_bytes(void);
/// The level that oneDNN is held to or finds, as in `avx512_core_bf16`.
const char *graft_isa_name(void);
/// oneDNN's version, as in `2.6.3`, written into `text`.
void graft_version(char *text, size_t capacity);

// Products of matrices through oneDNN.
internal import COneDNN
package import Tensors

/// `count` products of row-major matrices: result `[rows, columns]` = left `[rows, inner]` · right `[inner, columns]`.
package struct MatrixProduct: Sendable, Hashable {
    package var count = 1
    package let rows, inner, columns: Int
    /// Whether left lies in memory as `[inner, rows]`.
    package var leftIsTransposed = false
    /// Whether right lies in memory as `[columns, inner]`.
    package var rightIsTransposed = false
    /// Whether the product is added to what the result holds.
    package var adds = false
    /// Whether a bias, `[columns]`, is added to every row.
    package var hasBias = false
    /// Of the factors; results are float32.
    package var type = ElementType.float32
    /// Elements from one matrix to the next, where there are several.
    package var leftStride, rightStride, resultStride: Int

    package init(rows: Int, inner: Int, columns: Int) {
        (self.rows, self.inner, self.columns) = (rows, inner, columns)
        (leftStride, rightStride, resultStride) = (rows * inner, inner * columns, rows * columns)
    }

    var shim: graft_product {
        graft_product(
            count: Int64(count), rows: Int64(rows), inner: Int64(inner), columns: Int64(columns), left_stride: Int64(leftStride),
            right_stride: Int64(rightStride), result_stride: Int64(resultStride), left_is_transposed: leftIsTransposed ? 1 : 0,
            right_is_transposed: rightIsTransposed ? 1 : 0, adds: adds ? 1 : 0, has_bias: hasBias ? 1 : 0, type: type.shim)
    }
}

extension OneDNNKernel {
    /// Roles: left, right, bias, result, scratchpad.
    package static func product(_ engine: OneDNNEngine, _ product: MatrixProduct) throws -> OneDNNKernel {
        var shape = product.shim
        return try OneDNNKernel("\(product.count) products of \(product.rows)×\(product.inner)×\(product.columns)", engine) {
            graft_product_create(engine.handle, &shape, &$0)
        }
    }
}

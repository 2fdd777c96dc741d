// The key `data.columns.label`: a column's name, or one name for each class.
package import Tensors

extension LabelColumns: ConfigurationValue {
    static func read(_ tree: Tree, as key: KeyName, _ reader: inout Reader) -> Self? {
        if case .list = tree.content { return [String].read(tree, as: key, &reader).map(Self.each) }
        return String.read(tree, as: key, &reader).map(Self.one)
    }

    var tree: Tree {
        switch self {
        case .one(let name): name.tree
        case .each(let names): names.tree
        }
    }

    func findings(at key: KeyName) -> [Finding] {
        switch self {
        case .one(let name): return Limit<String>.notEmpty.findings(name, key)
        case .each(let names):
            guard names.count >= 2, Set(names).count == names.count, !names.contains("") else {
                return [Finding(key: key, message: "\(key.dotted) must name at least two columns, each once")]
            }
            return []
        }
    }
}

// Tables as text, RFC 4180: fields between commas or tabs, quoted where they hold such marks or line ends.

/// The rows of such a text, each with the line that it begins in, from 1.
struct DelimitedText {
    struct Row: Equatable {
        let line: Int
        let fields: [String]
    }

    let rows: [Row]

    /// Splits a text. Lines end with LF, CRLF or CR; empty lines are none. A quote within a field that does not begin with one stands for
    /// itself, as spreadsheets write it. Throws for a quoted field without an end, and for text behind one.
    init(_ text: String, separator: UInt8) throws(LabelProblem) {
        var rows: [Row] = []
        var (fields, field) = ([String](), [UInt8]())
        var (line, rowLine, isQuoted, wasQuoted) = (1, 1, false, false)
        var quoteLine = 1
        let bytes = Array(text.utf8)
        let (quote, carriageReturn, lineFeed) = (UInt8(ascii: "\""), UInt8(ascii: "\r"), UInt8(ascii: "\n"))
        func endField() {
            fields.append(String(decoding: field, as: UTF8.self))
            (field, wasQuoted) = ([], false)
        }
        func endRow() {
            if !fields.isEmpty || !field.isEmpty || wasQuoted {
                endField()
                rows.append(Row(line: rowLine, fields: fields))
                fields = []
            }
        }
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            if isQuoted {
                if byte == quote, at < bytes.count, bytes[at] == quote {
                    field.append(quote)
                    at += 1
                } else if byte == quote {
                    (isQuoted, wasQuoted) = (false, true)
                } else {
                    if byte == lineFeed { line += 1 }
                    field.append(byte)
                }
            } else if byte == quote, field.isEmpty, !wasQuoted {
                (isQuoted, quoteLine) = (true, line)
            } else if byte == separator {
                endField()
            } else if byte == lineFeed || byte == carriageReturn {
                if byte == carriageReturn, at < bytes.count, bytes[at] == lineFeed { at += 1 }
                endRow()
                line += 1
                rowLine = line
            } else {
                guard !wasQuoted else {
                    throw LabelProblem(line: line, words: "there is text behind the closing quote of a field")
                }
                field.append(byte)
            }
        }
        guard !isQuoted else { throw LabelProblem(line: quoteLine, words: "a field's quote is never closed") }
        endRow()
        self.rows = rows
    }
}

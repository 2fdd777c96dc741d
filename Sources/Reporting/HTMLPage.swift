// The frame of every page: one file that needs nothing else, light or dark as the reader has it, and whole where scripts are off.

/// A page in sections, with a list of them at its top.
struct HTMLPage {
    struct Section {
        let title: String
        /// HTML.
        let body: String
    }

    /// As it is shown: escaped here.
    let title: String
    /// HTML below the headline.
    var lead = ""
    let sections: [Section]

    /// The shortest page that a list of contents helps to get around in.
    private static let fewestListed = 3

    var text: String {
        let title = escaped(title)
        let parts = sections.enumerated().map { number, section in
            "<section id=\"part\(number + 1)\" aria-labelledby=\"head\(number + 1)\">\n<h2 id=\"head\(number + 1)\">\(escaped(section.title))</h2>\n"
                + "\(section.body)\n</section>"
        }
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>\(title)</title>
            <link rel="icon" href="data:,">
            <style>\(PageStyle.text)</style></head>
            <body>
            <header><h1><bdi>\(title)</bdi></h1>
            \(lead)
            \(contents)</header>
            <main>
            \(parts.joined(separator: "\n"))
            </main>
            <script>\(PageScript.text)</script>
            </body></html>

            """
    }

    private var contents: String {
        guard sections.count >= Self.fewestListed else { return "" }
        let links = sections.enumerated().map { "<a href=\"#part\($0 + 1)\">\(escaped($1.title))</a>" }
        return "<nav aria-label=\"Contents\">\(links.joined(separator: "\n"))</nav>"
    }
}

/// Text for HTML and SVG, in elements and in attributes.
func escaped(_ text: String) -> String {
    guard text.utf8.contains(where: { [0x26, 0x3C, 0x3E, 0x22].contains($0) }) else { return text }
    return text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        .replacing("\"", with: "&quot;")
}

/// A name that may be long, and may run from right to left, which must not turn the figures beside it around.
func isolated(_ text: String) -> String { "<bdi>\(escaped(text))</bdi>" }

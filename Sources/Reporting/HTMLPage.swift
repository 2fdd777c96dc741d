// The frame of every page: one file that needs nothing else, light or dark as the reader has it.

enum HTMLPage {
    /// A whole page. The title is escaped already.
    static func text(title: String, _ sections: [String]) -> String {
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>\(title)</title>\n<style>\(style)</style>"
            + "</head>\n<body>\n" + sections.joined(separator: "\n") + "\n</body></html>\n"
    }

    private static let style = """
        :root{color-scheme:light dark;--ink:#223;--faint:#8886;--a:#2563eb;--b:#d97706}
        @media(prefers-color-scheme:dark){:root{--ink:#dde;--a:#7aa7ff;--b:#f5b04c}}
        body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);max-width:760px;margin:2em auto;padding:0 1em}
        table{border-collapse:collapse;margin:1em 0}th,td{padding:.2em .7em;border-bottom:1px solid var(--faint);text-align:left}
        td.n,th.n{text-align:right}td.n{font-variant-numeric:tabular-nums;white-space:nowrap}svg{width:100%;margin:.5em 0}svg text{font-size:12px;fill:var(--ink)}
        .grid{stroke:var(--faint)}polyline{fill:none;stroke-width:1.8}polyline.s0{stroke:var(--a)}polyline.s1{stroke:var(--b)}polyline.s2{stroke:#16a34a}polyline.s3{stroke:#db2777}polyline.s4{stroke:#7c3aed}polyline.s5{stroke:#0891b2}
        svg text.s0,circle.s0{fill:var(--a)}svg text.s1,circle.s1{fill:var(--b)}svg text.s2,circle.s2{fill:#16a34a}svg text.s3,circle.s3{fill:#db2777}svg text.s4,circle.s4{fill:#7c3aed}svg text.s5,circle.s5{fill:#0891b2}
        .wide{overflow-x:auto}td.name,th.name{overflow-wrap:anywhere;min-width:6em;max-width:18em}bdi{unicode-bidi:isolate}
        .worst{display:grid;grid-template-columns:repeat(auto-fill,minmax(160px,1fr));gap:1em}.worst img{max-width:100%;max-height:160px}
        figure{margin:0}figcaption{font-size:12px;overflow-wrap:anywhere}
        .finds{display:flex;flex-wrap:wrap;gap:1em}.find{border:1px solid var(--faint);border-radius:6px;padding:.6em;display:flex;flex-wrap:wrap;gap:.6em}
        .find figure{width:200px}.find img{max-width:100%;max-height:200px}.find p{flex-basis:100%;margin:0}
        .bars td.bar{width:60%}.bars .bar span{display:block;height:1em;background:var(--a);border-radius:2px}.bars tr.best{font-weight:600}
        """
}

// How pages look: for a telephone as for a wall, by day and by night.

enum PageStyle {
    /// Colours of text stand out from what lies behind them by 4.5 to 1 and more.
    static let text = """
        :root{color-scheme:light dark;--page:#f4f5f8;--card:#fff;--ink:#1a1f2b;--soft:#545c6e;--line:#d9dde5;--bad:#c0321f;--good:#15803d;
        --c0:#1d4ed8;--c1:#b45309;--c2:#15803d;--c3:#be185d;--c4:#6d28d9;--c5:#0e7490}
        @media(prefers-color-scheme:dark){:root{--page:#0e1117;--card:#171b24;--ink:#e6e9f0;--soft:#a3abbd;--line:#313847;--bad:#ff8a75;--good:#4ade80;
        --c0:#7aa7ff;--c1:#f5b04c;--c2:#4ade80;--c3:#f472b6;--c4:#b39dfb;--c5:#22d3ee}}
        *{box-sizing:border-box}html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}@media(prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
        body{font:.94rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--ink);background:var(--page);max-width:140rem;margin:0 auto;
        padding:clamp(.8rem,2.5vw,2.5rem)}
        @media(min-width:2600px){html{font-size:135%}}
        h1{font-size:1.7rem;line-height:1.2;margin:0 0 .4rem;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:0 0 .8rem}h3{font-size:1rem;margin:0}
        p{margin:.5rem 0;max-width:75ch}bdi{unicode-bidi:isolate;overflow-wrap:anywhere}.soft,caption,figcaption{color:var(--soft)}
        a{color:var(--c0)}:focus-visible{outline:3px solid var(--c1);outline-offset:2px;border-radius:3px}
        nav{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;margin:.8rem 0}nav a{padding:.2rem 0}
        section{margin:1.2rem 0;padding:clamp(.8rem,1.6vw,1.4rem);background:var(--card);border:1px solid var(--line);border-radius:12px;scroll-margin-top:1rem;content-visibility:auto;contain-intrinsic-size:auto 40rem}
        .state{display:inline-block;padding:.15rem .7rem;border-radius:1rem;border:1px solid var(--soft);font-weight:600;overflow-wrap:anywhere}
        .state.good{color:var(--good);border-color:var(--good)}.state.bad{color:var(--bad);border-color:var(--bad)}
        .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(max(145px,17%),1fr));gap:.8rem;margin:0}
        .cards div{padding:.7rem .9rem;border:1px solid var(--line);border-radius:10px}.cards dt{color:var(--soft);font-size:.85rem}
        .cards dd{margin:0}.cards dd.v{font-size:1.35rem;font-weight:650;line-height:1.3;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}.cards dd.d{color:var(--soft);font-size:.85rem}
        progress{width:100%;height:.6rem;margin:.8rem 0 0;accent-color:var(--c0)}
        .plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1.4rem}
        figure{margin:0;min-width:0}.plot{max-width:40rem;display:flex;flex-direction:column}.plot:has(svg) figcaption{flex:1}svg{display:block;width:100%;height:auto}svg text{font-size:11.5px;fill:var(--soft)}
        .plot ul,.map ul{list-style:none;display:flex;flex-wrap:wrap;gap:0 1rem;margin:0;padding:0;font-size:.85rem}.plot li::before{content:"";display:inline-block;width:1.1em;height:.22em;
        margin-right:.4em;vertical-align:middle;background:currentColor}.plot output{display:block;min-height:1.4em;font-size:.85rem;color:var(--soft);font-variant-numeric:tabular-nums}
        .s0{color:var(--c0)}.s1{color:var(--c1)}.s2{color:var(--c2)}.s3{color:var(--c3)}.s4{color:var(--c4)}.s5{color:var(--c5)}
        .grid{stroke:var(--line)}.mark{stroke:var(--soft);stroke-dasharray:3 3}.cross{stroke:var(--soft)}
        polyline{fill:none;stroke:currentColor;stroke-width:1.8;stroke-linejoin:round}.plot li.faint::before{opacity:.4}polyline.faint{stroke-width:1;opacity:.35}polyline.dashed,polyline.reference{stroke-dasharray:5 4}.reference{color:var(--soft)}
        circle{fill:currentColor}.bar{display:flex;height:1.6rem;border-radius:6px;overflow:hidden;margin:.5rem 0}.bar span{background:currentColor;min-width:1px}
        .wide{overflow:auto;max-height:min(80vh,36rem);border:1px solid var(--line);border-radius:8px}
        table{border-collapse:separate;border-spacing:0;width:100%}caption{text-align:left;padding:.5rem .7rem;font-size:.9rem}
        th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}tbody tr:last-child>*{border-bottom:0}
        thead th{position:sticky;top:0;background:var(--card);z-index:1;vertical-align:bottom}tbody th{font-weight:500}
        td.n,th.n{text-align:right}td.n{font-variant-numeric:tabular-nums;white-space:nowrap}.name{overflow-wrap:anywhere;min-width:min(11em,32vw);max-width:22em}
        thead button{font:inherit;font-weight:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-align:inherit}
        thead button::after{content:" ↕";color:var(--soft)}[aria-sort=ascending] button::after{content:" ↑"}[aria-sort=descending] button::after{content:" ↓"}
        .find,.find label{display:flex;flex-wrap:wrap;gap:.3rem .8rem;align-items:center}.find{margin:.5rem 0}.find input{font:inherit;color:inherit;background:var(--page);border:1px solid var(--soft);
        border-radius:6px;padding:.3rem .6rem;width:18rem;max-width:100%}
        .heat{width:auto}.heat td,.heat thead th{text-align:center;padding:.3rem .45rem;min-width:2.4em}.heat tbody th{position:sticky;left:0;background:var(--card);max-width:12em}
        .heat thead th.up{writing-mode:vertical-rl;transform:rotate(180deg);max-height:11em;text-align:left;vertical-align:middle}
        .heat td{background:color-mix(in srgb,var(--bad) calc(8% + var(--s)*42%),transparent);font-variant-numeric:tabular-nums}
        .heat td.hit{background:color-mix(in srgb,var(--c0) calc(var(--s)*45%),transparent);font-weight:650}.heat td.zero{color:var(--soft);background:none}.wide:has(.heat){width:fit-content;max-width:100%}
        .pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,140px),1fr));gap:1rem}.pictures img,.case img{max-width:100%;max-height:200px;border-radius:6px}
        .looked{grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr))}.pair{display:flex;gap:.4rem;align-items:flex-start}.pair img{min-width:0;max-width:50%}
        .neighbours{list-style:none;display:flex;gap:.6rem;margin:.4rem 0 0;padding:0;font-size:.8rem}.neighbours li{display:flex;flex-direction:column;gap:.2rem;min-width:0;overflow-wrap:anywhere}
        .neighbours img{max-height:72px;align-self:flex-start}
        figcaption{font-size:.85rem;overflow-wrap:anywhere}.cases{display:flex;flex-wrap:wrap;gap:1rem}
        .case{border:1px solid var(--line);border-radius:8px;padding:.7rem;display:flex;flex-wrap:wrap;gap:.7rem}.case figure{width:200px}.case p{flex-basis:100%;margin:0}
        .bars td.share{width:55%}.bars .share span{display:block;height:1em;background:var(--c0);border-radius:2px}.bars tr.best{font-weight:650}
        .map{max-width:900px}.map svg{max-height:80vh}.map circle{fill-opacity:.75}.map .miss{stroke:var(--ink);stroke-width:1.6}
        @media print{section{break-inside:avoid;border:0}.wide{max-height:none;overflow:visible}}
        """
}

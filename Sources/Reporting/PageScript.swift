// What pages do when scripts are on: tables sort and are searched, plots tell their values.
//
// Our own few lines: a plotting library would be a megabyte in every page or a fetch from a network that may not be there. Without scripts
// nothing is missing but these comforts.

enum PageScript {
    static let text = """
        "use strict";
        document.querySelectorAll("table[data-sort]").forEach(table=>{
          const body=table.tBodies[0],heads=[...table.tHead.rows[0].cells];
          heads.forEach((head,column)=>{
            const isNumber=head.classList.contains("n"),button=document.createElement("button");
            button.type="button";button.append(...head.childNodes);head.append(button);
            button.addEventListener("click",()=>{
              const sign=head.getAttribute("aria-sort")==="ascending"?-1:1;
              heads.forEach(other=>other.removeAttribute("aria-sort"));
              head.setAttribute("aria-sort",sign>0?"ascending":"descending");
              const rows=[...body.rows].map(row=>{
                const text=row.cells[column].textContent;return [row,isNumber?parseFloat(text):text]});
              rows.sort((a,b)=>isNumber?(isNaN(a[1])-isNaN(b[1])||sign*(a[1]-b[1])||0):sign*a[1].localeCompare(b[1],undefined,{numeric:true}));
              body.append(...rows.map(pair=>pair[0]));
            });
          });
        });
        document.querySelectorAll("table[data-find]").forEach(table=>{
          const line=document.createElement("div"),label=document.createElement("label"),input=document.createElement("input"),told=document.createElement("span");
          line.className="find";label.textContent=table.dataset.find+" ";input.type="search";told.className="soft";told.setAttribute("role","status");
          label.append(input);line.append(label,told);table.parentElement.before(line);
          let texts;
          input.addEventListener("input",()=>{
            texts??=[...table.tBodies[0].rows].map(row=>[row,[...row.querySelectorAll(".name")].map(cell=>cell.textContent).join(" ").toLowerCase()]);
            const wanted=input.value.trim().toLowerCase();let count=0;
            texts.forEach(([row,text])=>{row.hidden=!text.includes(wanted);if(!row.hidden)count++});
            told.textContent=wanted?count+" of "+texts.length:"";
          });
        });
        document.querySelectorAll("svg[data-x]").forEach(svg=>{
          const [left,right,top,bottom]=svg.dataset.frame.split(" ").map(Number),x=svg.dataset.x.split(" ").map(Number),y=svg.dataset.y.split(" ").map(Number);
          const percent=svg.dataset.percent!==undefined,told=document.createElement("output"),cross=document.createElementNS(svg.namespaceURI,"line");
          const number=value=>String(Number(value.toPrecision(4)));
          cross.setAttribute("class","cross");cross.setAttribute("y1",top);cross.setAttribute("y2",bottom);cross.setAttribute("visibility","hidden");
          svg.append(cross);svg.after(told);svg.tabIndex=0;
          let place=right,lines;
          const tell=at=>{
            lines??=[...svg.querySelectorAll("polyline[data-name]")].map(line=>({name:line.dataset.name,points:[...line.points]}));
            place=Math.min(right,Math.max(left,at));
            cross.setAttribute("x1",place);cross.setAttribute("x2",place);cross.setAttribute("visibility","visible");
            const own=x[0]+(place-left)/(right-left)*(x[1]-x[0]);
            told.textContent=svg.dataset.horizontal+" "+number(x[1]>20?Math.round(own):own)+": "+lines.map(line=>{
              const near=line.points.reduce((a,b)=>Math.abs(b.x-place)<Math.abs(a.x-place)?b:a);
              const value=y[0]+(bottom-near.y)/(bottom-top)*(y[1]-y[0]);
              return line.name+" "+(percent?number(value*100)+" %":number(value))}).join(", ");
          };
          svg.addEventListener("pointermove",event=>tell((event.clientX-svg.getBoundingClientRect().left)*svg.viewBox.baseVal.width/svg.clientWidth));
          svg.addEventListener("pointerleave",()=>{cross.setAttribute("visibility","hidden");told.textContent=""});
          svg.addEventListener("blur",()=>{cross.setAttribute("visibility","hidden");told.textContent=""});
          svg.addEventListener("keydown",event=>{
            const way={ArrowLeft:-1,ArrowRight:1}[event.key];
            if(way){event.preventDefault();tell(place+way*(right-left)/50)}
          });
        });
        """
}

import { build, transform } from "esbuild";
import { minify } from "terser";
import { gzipSync } from "node:zlib";
const A="addConnect asked dial emit generation greet names needsToken nextId notBeforeMs old presencePush probe received refused pauseBefore settle terminal wanted whenIdle wish arrive climbAfter climbed doubted heard skip stateOf positionOf forget worked renewed perSession renewable stored wire above catchUp doubt opened current".split(" ");
const size = (t) => gzipSync(t, { level: 9 }).length;
const b=async(o={})=>(await build({ entryPoints: ["src/index.ts"], bundle: true, write: false, format: "esm", target: "es2022", minify: true, legalComments: "none", mangleProps:new RegExp(`^(?:${A.join("|")})$`),...o })).outputFiles[0].text;
const c={passes: 4, unsafe_arrows: true, pure_getters: true, hoist_props: true,keep_fargs:false};
const t=async(s,o={},m={},x={})=>(await minify(s,{module:true,ecma:2020,compress:{...c,...o},mangle:m,...x})).code;
const e=async(s)=>(await transform(s,{minify:true,format:"esm",target:"es2022"})).code;
const p=(n,s)=>console.log(n,size(s));
const s=await b();
p("b,t",await t(s)); p("b,t,e",await e(await t(s))); p("b,t,e,t",await t(await e(await t(s))));
p("b,t nomangle",await t(s,{},false));
p("b(no id),t",await t(await b({minify:false,minifySyntax:true,minifyWhitespace:true})));
p("b,t(nomangle),e",await e(await t(s,{},false)));
let cur={};let best=size(await t(s));
const flags=[["inline",1],["inline",2],["inline",0],["reduce_funcs",false],["reduce_vars",false],["sequences",false],["if_return",false],["conditionals",false],["collapse_vars",false],["join_vars",false],["hoist_props",false],["hoist_vars",true],["hoist_funs",true],["evaluate",false],["comparisons",false],["switches",false],["dead_code",false],["typeofs",false],["unsafe_methods",true],["unsafe_comps",true],["computed_props",false],["booleans",false],["negate_iife",false],["loops",false],["side_effects",false],["properties",false],["arrows",false],["unsafe_undefined",true],["passes",8],["passes",1],["passes",2],["unused",false],["directives",false],["lhs_constants",false],["unsafe_arrows",false],["pure_getters",false],["ecma",2022]];
let improved=true;while(improved){improved=false;let bf;for(const [k,v] of flags){if(cur[k]===v)continue;const n=size(await t(s,{...cur,[k]:v}));if(n<best){best=n;bf=[k,v]}}if(bf){cur[bf[0]]=bf[1];improved=true;console.log(best,JSON.stringify(cur))}}

#include "support.h"
#include "support_graph.h"
#include "support_phase.h"
#include "compress/prune.h"
#include "compress/quantize.h"
#include "format/model_file.h"
#include "base/memory.h"
#include "base/cpu.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <malloc.h>
#include <jansson.h>
static long left=-1; 
static void*jm(size_t n){ if(left>0&&--left==0) return NULL; return malloc(n);}
int main(int n,char**v){
  error e={0}; cpu_set_threads(1);
  (void)n; if(v[1]) left=atol(v[1]);
  json_set_alloc_funcs(jm,free);
  graph*g=support_unet(8); if(!g) return 0; 
  dataset*d=support_phase_data(10,8,1);
  support_fill(g,1);
  model*m=model_new(g,&e); 
  /* everything before is made by tests helpers: fail only after this mark */
  setenv("X","1",1);
  prune_result r; status s=prune_weights(m->graph,criterion_find("magnitude"),SCOPE_GLOBAL,TARGET_WEIGHTS_AND_SCALES,0.6,1,&r,&e);
  quantize_settings q={.scheme=QUANTIZE_STATIC,.bits=8,.grain=PER_CHANNEL,.samples=2};
  train_settings t={.epochs=2,.batch=2}; t.loss=loss_find("mse"); t.optimizer=optimizer_find("adam"); t.schedule=schedule_find("constant"); t.rates=t.optimizer->standard; train_state st;
  status a=train_start(&st,m,&t,&e); char p[]="/tmp/dev/E/zz_f.tmp"; char*c=NULL; train_state s2={0}; train_settings t2;
  if(!a){ a=checkpoint_write(&st,&t,"x",p,&e); train_clear(&st); if(!a) {a=checkpoint_read(p,&s2,&t2,&c,&e); train_clear(&s2); memory_free(c);} }
  status b=quantize_model(m,&q,d,NULL,&e); int64_t bytes=0; model*back=model_roundtrip(m,&bytes,&e);
  printf("%d %d %d %d %s\n",s,a,b,back!=NULL,e.text);
  model_free(back); model_free(m); dataset_free(d); return 0;}

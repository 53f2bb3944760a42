import { language, t } from "../i18n";

export function LanguageSwitch() {
  return (
    <div class="segments" role="group" aria-label={t("language")}>
      <button type="button" lang="zh-CN" aria-pressed={language.value === "zh-CN"} onClick={() => (language.value = "zh-CN")}>中文</button>
      <button type="button" lang="en" aria-pressed={language.value === "en"} onClick={() => (language.value = "en")}>English</button>
    </div>
  );
}
